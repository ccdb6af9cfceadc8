import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openAnnData } from '../anndata/open.js';
import type { StoreFormat } from '../anndata/types.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkReference } from '../dataset/types.js';
import { fromSystemError, invalidInput, isObsmithError, withRemedy } from '../errors.js';
import type { ChunkSummary } from '../methods/types.js';

/** A chunk's metadata, or why it cannot be read. */
export type SummarizedChunk =
  | {
      readonly reference: ChunkReference;
      readonly bytes: number;
      readonly format: StoreFormat;
      readonly summary: ChunkSummary;
    }
  | {
      readonly reference: ChunkReference;
      readonly bytes: number;
      readonly unreadable: { type: string; message: string };
    };

/** Reads metadata only (no matrix); a chunk that cannot be read is reported, not thrown. StoreUnavailable is thrown: it may heal. */
export async function summarizeChunk(base: string, reference: ChunkReference): Promise<SummarizedChunk> {
  const path = join(base, reference.input);
  let bytes = 0;
  try {
    bytes = await bytesOnDisk(path);
    return { reference, bytes, ...(await summarize(path, reference.name)) };
  } catch (cause) {
    const error = fromSystemError(cause, reference.input);
    if (!isObsmithError(error) || error.retryable) throw error;
    return { reference, bytes, unreadable: { type: error.type, message: withRemedy(error) } };
  }
}

async function summarize(path: string, name: string): Promise<{ format: StoreFormat; summary: ChunkSummary }> {
  const chunk = await openAnnData(path);
  try {
    if (chunk.cells > 0) return { format: chunk.format, summary: await readSummary(chunk, name) };
    throw invalidInput(
      `${name} has zero cells (${chunk.genes} genes) at ${path}`,
      'Remove the empty chunk or import the data again.',
    );
  } finally {
    await chunk.close();
  }
}

/** Bytes of a file, or of all files below a folder. */
async function bytesOnDisk(path: string): Promise<number> {
  const entry = await stat(path);
  if (!entry.isDirectory()) return entry.size;
  let bytes = 0;
  for (const file of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (file.isFile()) bytes += (await stat(join(file.parentPath, file.name))).size;
  }
  return bytes;
}
