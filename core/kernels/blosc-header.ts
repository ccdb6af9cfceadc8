import { CorruptData } from './corrupt-data.js';

/** Header of a Blosc 1 buffer (c-blosc README_CHUNK_FORMAT). All sizes in bytes. */
export interface BloscHeader {
  readonly codec: 'blosclz' | 'lz4' | 'snappy' | 'zlib' | 'zstd' | 'unknown';
  readonly shuffle: 'none' | 'byte' | 'bit';
  /** Stored as it is, without compression. */
  readonly copied: boolean;
  /** Full blocks may be split into one compressed part per byte of an element. */
  readonly splitAllowed: boolean;
  readonly typeSize: number;
  readonly decodedBytes: number;
  readonly blockBytes: number;
}

export const BLOSC_HEADER_BYTES = 16;
const CODECS = ['blosclz', 'lz4', 'snappy', 'zlib', 'zstd'] as const;

/** Reads and checks the header: lengths must agree with the buffer. @throws CorruptData */
export function readBloscHeader(bytes: Uint8Array): BloscHeader {
  if (bytes.length < BLOSC_HEADER_BYTES)
    throw new CorruptData(`expected a Blosc header of 16 bytes, found ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint8(0);
  const flags = view.getUint8(2);
  const typeSize = view.getUint8(3);
  const decodedBytes = view.getUint32(4, true);
  const blockBytes = view.getUint32(8, true);
  const encodedBytes = view.getUint32(12, true);
  if (version !== 2) throw new CorruptData(`expected Blosc format version 2, found ${version}`);
  if (encodedBytes !== bytes.length) {
    throw new CorruptData(`Blosc header promises ${encodedBytes} bytes, found ${bytes.length}`);
  }
  if (typeSize === 0) throw new CorruptData('Blosc header has type size 0');
  const copied = (flags & 2) !== 0;
  if (copied && encodedBytes !== BLOSC_HEADER_BYTES + decodedBytes) {
    throw new CorruptData(
      `Blosc header promises ${decodedBytes} stored bytes, found ${encodedBytes - BLOSC_HEADER_BYTES}`,
    );
  }
  if (!copied && decodedBytes > 0) {
    if (blockBytes === 0) throw new CorruptData('Blosc header has block size 0');
    const starts = 4 * Math.ceil(decodedBytes / blockBytes);
    if (BLOSC_HEADER_BYTES + starts > encodedBytes)
      throw new CorruptData('Blosc block table reaches beyond the buffer');
  }
  return {
    codec: CODECS[flags >>> 5] ?? 'unknown',
    shuffle: flags & 4 ? 'bit' : flags & 1 && typeSize > 1 ? 'byte' : 'none',
    copied,
    splitAllowed: (flags & 0x10) === 0,
    typeSize,
    decodedBytes,
    blockBytes: Math.min(blockBytes, decodedBytes),
  };
}

/** Whether our own decoder takes it; everything else goes through numcodecs. */
export const isFastBlosc = (header: BloscHeader): boolean =>
  header.copied ||
  (header.codec === 'lz4' && header.shuffle !== 'bit' && (header.shuffle === 'none' || header.typeSize <= 16));
