import { CorruptData } from './corrupt-data.js';

/** Decodes an LZ4 block (lz4_Block_format) that fills `target` exactly. @throws CorruptData */
export function decodeLz4(source: Uint8Array, target: Uint8Array): void {
  let s = 0;
  let d = 0;
  const extended = (length: number): number => {
    if (length !== 15) return length;
    for (let sum = 15; ; ) {
      const more = source[s++];
      if (more === undefined) throw new CorruptData('corrupt LZ4 data');
      sum += more;
      if (more !== 255) return sum;
    }
  };
  while (s < source.length) {
    const token = source[s++]!;
    const literals = extended(token >>> 4);
    if (literals > source.length - s || literals > target.length - d) break;
    for (let i = 0; i < literals; i++) target[d++] = source[s++]!;
    if (s === source.length && d === target.length) return;
    if (source.length - s < 2) break;
    const distance = source[s]! | (source[s + 1]! << 8);
    s += 2;
    const length = extended(token & 15) + 4;
    if (distance === 0 || distance > d || length > target.length - d) break;
    for (let i = 0; i < length; i++, d++) target[d] = target[d - distance]!;
  }
  throw new CorruptData('corrupt LZ4 data');
}

/** Matches further away than this have their distance in two bytes of their own. */
const BLOSCLZ_NEAR = 8191;

/** Decodes a BloscLZ block (c-blosc, blosclz.c) that fills `target` exactly. @throws CorruptData */
export function decodeBloscLz(source: Uint8Array, target: Uint8Array): void {
  let s = 0;
  let d = 0;
  const next = (): number => {
    const byte = source[s++];
    if (byte === undefined) throw new CorruptData('corrupt BloscLZ data');
    return byte;
  };
  while (s < source.length) {
    const control = s === 0 ? next() & 31 : next();
    if (control < 32) {
      const literals = control + 1;
      if (literals > source.length - s || literals > target.length - d) break;
      for (let i = 0; i < literals; i++) target[d++] = source[s++]!;
    } else {
      let length = (control >>> 5) + 2;
      if (length === 9) {
        for (let more = 255; more === 255; length += more) more = next();
      }
      const high = control & 31;
      const low = next();
      const far = low === 255 && high === 31;
      const distance = far ? BLOSCLZ_NEAR + ((next() << 8) | next()) + 1 : (high << 8) + low + 1;
      if (distance > d || length > target.length - d) break;
      for (let i = 0; i < length; i++, d++) target[d] = target[d - distance]!;
    }
    if (s === source.length && d === target.length) return;
  }
  throw new CorruptData('corrupt BloscLZ data');
}

/** Undoes the byte shuffle: plane k holds byte k of every element. Bytes behind the last whole element stay. */
export function unshuffle(bytes: Uint8Array, typeSize: number): Uint8Array {
  const count = Math.floor(bytes.length / typeSize);
  const values = bytes.slice();
  for (let k = 0; k < typeSize; k++) {
    for (let i = 0; i < count; i++) values[i * typeSize + k] = bytes[k * count + i]!;
  }
  return values;
}

/** Undoes the bit shuffle: plane 8 k + b holds bit b of byte k of every element. Blosc leaves blocks alone whose elements are no multiple of 8. */
export function unshuffleBits(bytes: Uint8Array, typeSize: number): Uint8Array {
  const count = Math.floor(bytes.length / typeSize);
  if (count % 8 !== 0) return bytes;
  const values = bytes.slice();
  values.fill(0, 0, count * typeSize);
  const planeBytes = count / 8;
  for (let k = 0; k < typeSize; k++) {
    for (let bit = 0; bit < 8; bit++) {
      const plane = (8 * k + bit) * planeBytes;
      for (let group = 0; group < planeBytes; group++) {
        const bits = bytes[plane + group]!;
        for (let i = 0; bits >>> i !== 0; i++) {
          if ((bits >>> i) & 1) values[(8 * group + i) * typeSize + k]! |= 1 << bit;
        }
      }
    }
  }
  return values;
}
