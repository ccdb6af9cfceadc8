import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isStrayName, syncFolder, writeFileAtomic } from '../zarr-write/atomic-file.js';

/** Rows [from, to) of a row block, in a file of their own: "3.0-128". */
interface Piece {
  readonly name: string;
  readonly block: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Rows of row blocks that are not complete yet, for embeddings that take hours for a block: pieces of raw float32 values,
 * each written once and by rename, in a folder beside the array. So they are fenced as the row blocks are: a later attempt
 * renames the folder above, and what the earlier one writes then finds no folder.
 */
export class BegunBlocks {
  readonly #folder: string;
  readonly #dim: number;
  readonly #pieces = new Map<number, Piece[]>();
  #made = false;

  /** `folder` is made with the first piece; `dim` values make a row. */
  constructor(folder: string, dim: number) {
    this.#folder = folder;
    this.#dim = dim;
  }

  /** Finds what an earlier attempt left; pieces of blocks that are `done`, unfinished ones and those after a gap are removed. */
  async find(done: ReadonlySet<number>): Promise<void> {
    const names = await namesIn(this.#folder);
    if (names === null) return;
    this.#made = true;
    const found = names.filter((name) => !isStrayName(name)).map(pieceOf);
    const kept = new Set<string>();
    for (const piece of found.sort((a, b) => a.block - b.block || a.from - b.from)) {
      if (done.has(piece.block) || piece.from !== this.rows(piece.block) || !(await this.#isWhole(piece))) continue;
      this.#pieces.set(piece.block, [...(this.#pieces.get(piece.block) ?? []), piece]);
      kept.add(piece.name);
    }
    for (const name of names) if (!kept.has(name)) await rm(join(this.#folder, name), { force: true });
  }

  /** Rows that are saved, from the start of the block. */
  rows(block: number): number {
    return this.#pieces.get(block)?.at(-1)?.to ?? 0;
  }

  /** Reads the saved rows of a block into the start of `out`. */
  async read(block: number, out: Float32Array): Promise<void> {
    for (const { name, from } of this.#pieces.get(block) ?? []) {
      const bytes = await readFile(join(this.#folder, name));
      out.set(
        new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
        from * this.#dim,
      );
    }
  }

  /** Saves the next rows of a block durably. */
  async save(block: number, values: Float32Array): Promise<void> {
    await this.#makeFolder();
    const from = this.rows(block);
    const piece = pieceOf(`${block}.${from}-${from + values.length / this.#dim}`);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    await writeFileAtomic(join(this.#folder, piece.name), bytes);
    this.#pieces.set(block, [...(this.#pieces.get(block) ?? []), piece]);
  }

  /** Removes the pieces of a block that is complete now. */
  async remove(block: number): Promise<void> {
    for (const { name } of this.#pieces.get(block) ?? []) await rm(join(this.#folder, name), { force: true });
    this.#pieces.delete(block);
  }

  async #makeFolder(): Promise<void> {
    if (this.#made) return;
    await mkdir(this.#folder);
    await syncFolder(dirname(this.#folder));
    this.#made = true;
  }

  async #isWhole({ name, from, to }: Piece): Promise<boolean> {
    const { size } = await stat(join(this.#folder, name));
    return size === (to - from) * this.#dim * Float32Array.BYTES_PER_ELEMENT;
  }
}

function pieceOf(name: string): Piece {
  const [, block, from, to] = /^(\d+)\.(\d+)-(\d+)$/.exec(basename(name)) ?? [];
  return { name, block: Number(block), from: Number(from), to: Number(to) };
}

async function namesIn(folder: string): Promise<string[] | null> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
