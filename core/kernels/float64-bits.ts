const value = new Float64Array(1);
const words = new Int32Array(value.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Sign, exponent and upper 20 mantissa bits of a double, as a signed 32-bit integer. */
export function highWord(x: number): number {
  value[0] = x;
  return words[HIGH]!;
}

/** The double with its upper 32 bits replaced. */
export function withHighWord(x: number, high: number): number {
  value[0] = x;
  words[HIGH] = high;
  return value[0];
}
