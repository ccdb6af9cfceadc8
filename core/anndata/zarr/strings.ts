import { CorruptData } from '../../kernels/corrupt-data.js';
import type { DType } from './dtype.js';

type StringDType = Extract<DType, { kind: 'string' | 'fixed-string' }>;

/** The strings of one decoded chunk of `count` elements. @throws CorruptData */
export function stringsIn(bytes: Uint8Array, dtype: StringDType, count: number): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return dtype.kind === 'string' ? vlenUtf8(buffer, count) : fixedStrings(buffer, dtype, count);
}

/** numcodecs vlen-utf8: number of strings, then length and UTF-8 bytes of each (32-bit little-endian). */
function vlenUtf8(buffer: Buffer, count: number): string[] {
  const found = buffer.length < 4 ? 0 : buffer.readUInt32LE(0);
  if (found !== count) throw new CorruptData(`expected ${count} strings, found ${found}`);
  const strings = new Array<string>(count);
  let at = 4;
  for (let i = 0; i < count; i++) {
    const start = at + 4;
    if (start > buffer.length) throw new CorruptData(`string ${i} of ${count} lies beyond the chunk`);
    at = start + buffer.readUInt32LE(at);
    if (at > buffer.length) throw new CorruptData(`string ${i} of ${count} reaches beyond the chunk`);
    strings[i] = buffer.toString('utf8', start, at);
  }
  return strings;
}

/** numpy S and U: padded with zeros at the end. */
function fixedStrings(buffer: Buffer, dtype: Extract<StringDType, { kind: 'fixed-string' }>, count: number): string[] {
  const { bytes, characterBytes, bigEndian } = dtype;
  return Array.from({ length: count }, (_, i) => {
    const element = buffer.subarray(i * bytes, (i + 1) * bytes);
    if (characterBytes === 1) return element.toString('utf8').replace(/\0+$/, '');
    let text = '';
    for (let at = 0; at < bytes; at += 4) {
      const point = bigEndian ? element.readUInt32BE(at) : element.readUInt32LE(at);
      if (point > 0x10ffff) throw new CorruptData(`string ${i} of ${count} has code point ${point}`);
      text += String.fromCodePoint(point);
    }
    return text.replace(/\0+$/, '');
  });
}

/** `fill_value` of strings: null and the 0 that zarr-python once wrote are the empty string. */
export const fillString = (fillValue: unknown): string => (typeof fillValue === 'string' ? fillValue : '');
