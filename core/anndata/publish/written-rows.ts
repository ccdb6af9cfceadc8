import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskContext } from '../../tasks/types.js';
import { chunkFiles } from '../obsm/obsm-array.js';
import { RowsDigest } from '../obsm/rows-digest.js';
import { type RowsSummary, zeroRowsIn } from '../obsm/rows-summary.js';
import type { ArrayNode } from '../zarr/metadata.js';
import { writeFileAtomic } from '../zarr-write/atomic-file.js';

/** In an attempt's folder, beside the array: what its files hold, as they were written. */
const FILE = 'written.json';

interface WrittenRows {
  readonly digest: string;
  readonly zeroRows: number;
  /** sha256 of each row block's file, in order. */
  readonly files: readonly string[];
}

/**
 * Sums up encoded row blocks while they are written, so that publishing need not decode them: it only looks whether the
 * files are still the ones that were written. Holds for arrays that one attempt wrote whole and in order.
 */
export class WrittenRowsSummary {
  readonly #dim: number;
  readonly #digest: RowsDigest;
  readonly #files: string[] = [];
  #zeroRows = 0;
  #inOrder = true;

  constructor(dim: number) {
    this.#dim = dim;
    this.#digest = new RowsDigest(dim);
  }

  /** Adds a block: its real rows, all of them finite, and its file's content. */
  add(index: number, values: Float32Array, file: Uint8Array): void {
    this.#inOrder &&= index === this.#files.length;
    if (!this.#inOrder) return;
    this.#digest.update(values);
    this.#zeroRows += zeroRowsIn(values, this.#dim);
    this.#files.push(createHash('sha256').update(file).digest('hex'));
  }

  /** Writes it to the attempt's folder, unless earlier attempts wrote some of the `blocks`. */
  async write(attempt: string, blocks: number): Promise<void> {
    if (!this.#inOrder || this.#files.length !== blocks) return;
    const rows: WrittenRows = { digest: this.#digest.digest(), zeroRows: this.#zeroRows, files: this.#files };
    await writeFileAtomic(join(attempt, FILE), JSON.stringify(rows));
  }
}

/** What the attempt wrote, where all files of the array are still the same; else null: then they have to be decoded. */
export async function writtenRows(attempt: string, node: ArrayNode, context: TaskContext): Promise<RowsSummary | null> {
  const text = await readFile(join(attempt, FILE), 'utf8').catch(absent);
  if (text === null) return null;
  const { digest, zeroRows, files } = JSON.parse(text) as WrittenRows;
  const names = [...chunkFiles(node)];
  if (names.length !== files.length) return null;
  for (const [index, name] of names.entries()) {
    context.checkCancelled();
    const content = await readFile(join(node.folder, name)).catch(absent);
    if (content === null || createHash('sha256').update(content).digest('hex') !== files[index]) return null;
    context.progress(index + 1, files.length);
  }
  return { digest, zeroRows, nonFinite: null };
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
