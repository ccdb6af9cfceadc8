import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CorruptData } from '../../kernels/corrupt-data.js';
import { crc32c } from '../../kernels/crc32c.js';
import type { ShardLayout } from './codec-metadata.js';

/** Where one inner chunk lies in its shard file, in bytes. */
export interface ShardEntry {
  readonly offset: number;
  readonly bytes: number;
}

const ENTRY_BYTES = 16;
const CHECKSUM_BYTES = 4;
/** Offset and length of an inner chunk that was never written. */
const ABSENT = 0xffffffffffffffffn;

/** Reads and checks the index of a shard; entries in C order of the inner chunks, null where a chunk was not written. @throws CorruptData */
export function readShardIndex(file: string, layout: ShardLayout, chunks: number): (ShardEntry | null)[] {
  const fd = openSync(file, 'r');
  try {
    const fileBytes = fstatSync(fd).size;
    const indexBytes = chunks * ENTRY_BYTES + (layout.indexChecksum ? CHECKSUM_BYTES : 0);
    if (fileBytes < indexBytes)
      throw new CorruptData(`expected a shard index of ${indexBytes} bytes, the file has ${fileBytes}`);
    const index = Buffer.allocUnsafeSlow(indexBytes);
    const read = readSync(fd, index, 0, indexBytes, layout.indexAtStart ? 0 : fileBytes - indexBytes);
    if (read !== indexBytes) throw new CorruptData(`expected a shard index of ${indexBytes} bytes, read ${read}`);
    return parseIndex(index, layout.indexChecksum, chunks, fileBytes);
  } finally {
    closeSync(fd);
  }
}

function parseIndex(index: Buffer, checked: boolean, chunks: number, fileBytes: number): (ShardEntry | null)[] {
  const table = index.subarray(0, chunks * ENTRY_BYTES);
  if (checked && crc32c(table) !== index.readUInt32LE(table.length)) {
    throw new CorruptData('the crc32c checksum of the shard index does not match');
  }
  return Array.from({ length: chunks }, (_, chunk) => {
    const offset = table.readBigUInt64LE(chunk * ENTRY_BYTES);
    const bytes = table.readBigUInt64LE(chunk * ENTRY_BYTES + 8);
    if (offset === ABSENT && bytes === ABSENT) return null;
    if (offset + bytes > BigInt(fileBytes)) {
      throw new CorruptData(`the shard index promises bytes ${offset} to ${offset + bytes}, the file has ${fileBytes}`);
    }
    return { offset: Number(offset), bytes: Number(bytes) };
  });
}
