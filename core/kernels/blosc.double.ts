import { BLOSC_HEADER_BYTES, CorruptData, readBloscHeader } from './blosc-header.js';

const MIN_SPLIT_BYTES = 128;
const MAX_SPLITS = 16;

/** The same decoder as core/kernels/assembly/blosc.ts in plain TypeScript: LZ4 with or without byte shuffle. @throws CorruptData */
export function decodeBloscDouble(source: Uint8Array): Uint8Array {
  const { copied, decodedBytes, blockBytes, typeSize, shuffle, splitAllowed } = readBloscHeader(source);
  if (copied) return source.slice(BLOSC_HEADER_BYTES);
  const target = new Uint8Array(decodedBytes);
  const view = new DataView(source.buffer, source.byteOffset, source.length);
  const blocks = Math.ceil(decodedBytes / blockBytes);
  for (let block = 0; block < blocks; block++) {
    const done = block * blockBytes;
    const size = Math.min(blockBytes, decodedBytes - done);
    const wide = typeSize <= MAX_SPLITS && Math.floor(size / typeSize) >= MIN_SPLIT_BYTES;
    const parts = splitAllowed && size === blockBytes && wide ? typeSize : 1;
    const decoded = new Uint8Array(size);
    let at = view.getUint32(BLOSC_HEADER_BYTES + 4 * block, true);
    if (at < BLOSC_HEADER_BYTES + 4 * blocks) throw new CorruptData(`Blosc block ${block} begins in the block table`);
    for (let part = 0; part < parts; part++) {
      if (at + 4 > source.length) throw new CorruptData(`Blosc block ${block} lies beyond the buffer`);
      const packed = view.getUint32(at, true);
      at += 4;
      if (packed > source.length - at) throw new CorruptData(`Blosc block ${block} reaches beyond the buffer`);
      const bytes = source.subarray(at, at + packed);
      const out = decoded.subarray((part * size) / parts, ((part + 1) * size) / parts);
      if (packed === out.length) out.set(bytes);
      else decodeLz4(bytes, out, block);
      at += packed;
    }
    target.set(shuffle === 'byte' ? unshuffle(decoded, typeSize) : decoded, done);
  }
  return target;
}

function decodeLz4(source: Uint8Array, target: Uint8Array, block: number): void {
  const corrupt = () => new CorruptData(`Blosc block ${block}: corrupt LZ4 data`);
  let s = 0;
  let d = 0;
  const extended = (length: number): number => {
    if (length !== 15) return length;
    for (let sum = 15; ; ) {
      const more = source[s++];
      if (more === undefined) throw corrupt();
      sum += more;
      if (more !== 255) return sum;
    }
  };
  while (s < source.length) {
    const token = source[s++]!;
    const literals = extended(token >>> 4);
    if (literals > source.length - s || literals > target.length - d) throw corrupt();
    for (let i = 0; i < literals; i++) target[d++] = source[s++]!;
    if (s === source.length && d === target.length) return;
    if (source.length - s < 2) throw corrupt();
    const distance = source[s]! | (source[s + 1]! << 8);
    s += 2;
    const length = extended(token & 15) + 4;
    if (distance === 0 || distance > d || length > target.length - d) throw corrupt();
    for (let i = 0; i < length; i++, d++) target[d] = target[d - distance]!;
  }
  throw corrupt();
}

function unshuffle(bytes: Uint8Array, typeSize: number): Uint8Array {
  const count = Math.floor(bytes.length / typeSize);
  const values = bytes.slice();
  for (let k = 0; k < typeSize; k++) {
    for (let i = 0; i < count; i++) values[i * typeSize + k] = bytes[k * count + i]!;
  }
  return values;
}
