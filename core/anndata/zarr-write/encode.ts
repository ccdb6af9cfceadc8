import type { ChunkCodec } from './metadata.js';

/** Codecs by name, once one was needed: an input that is zarr is copied as it is, and they are slow to load. */
const codecs = new Map<string, Promise<Codec>>();

type Codec = { encode(bytes: Uint8Array): Uint8Array | Promise<Uint8Array> };

/**
 * Compresses one chunk; `typesize` is the bytes of one element (1: no byte shuffle).
 * The codec library always shuffles by 4 bytes, which its frames say: any Blosc decoder reads them.
 */
export async function encodeChunk(bytes: Uint8Array, codec: ChunkCodec, typesize: number): Promise<Uint8Array> {
  if (codec === 'raw') return bytes;
  const name = codec === 'zstd' ? 'zstd' : typesize > 1 ? 'shuffled' : 'plain';
  const loading = codecs.get(name) ?? loadCodec(name);
  codecs.set(name, loading);
  return (await loading).encode(bytes);
}

async function loadCodec(name: 'zstd' | 'shuffled' | 'plain'): Promise<Codec> {
  if (name === 'zstd') return (await import('numcodecs/zstd')).default.fromConfig({ id: 'zstd', level: 1 });
  const { default: Blosc } = await import('numcodecs/blosc');
  return Blosc.fromConfig({ id: 'blosc', cname: 'lz4', clevel: 5, shuffle: name === 'shuffled' ? 1 : 0, blocksize: 0 });
}
