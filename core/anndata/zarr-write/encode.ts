import Blosc from 'numcodecs/blosc';
import Zstd from 'numcodecs/zstd';
import type { ChunkCodec } from './metadata.js';

const SHUFFLED = Blosc.fromConfig({ id: 'blosc', cname: 'lz4', clevel: 5, shuffle: 1, blocksize: 0 });
const PLAIN = Blosc.fromConfig({ id: 'blosc', cname: 'lz4', clevel: 5, shuffle: 0, blocksize: 0 });
const ZSTD = Zstd.fromConfig({ id: 'zstd', level: 1 });

/**
 * Compresses one chunk; `typesize` is the bytes of one element (1: no byte shuffle).
 * The codec library always shuffles by 4 bytes, which its frames say: any Blosc decoder reads them.
 */
export async function encodeChunk(bytes: Uint8Array, codec: ChunkCodec, typesize: number): Promise<Uint8Array> {
  if (codec === 'raw') return bytes;
  if (codec === 'zstd') return ZSTD.encode(bytes);
  return (typesize > 1 ? SHUFFLED : PLAIN).encode(bytes);
}
