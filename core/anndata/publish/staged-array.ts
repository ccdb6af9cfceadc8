import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fromSystemError, invalidInput, ObsmithError } from '../../errors.js';
import { canonicalJson } from '../../methods/canonical-json.js';
import type { Json } from '../../methods/types.js';
import { findNonFinite } from '../obsm/rows-summary.js';
import { PARTIAL_SUFFIX, syncFolder, writeFileAtomic } from '../zarr-write/atomic-file.js';
import { arrayMetadata, chunkPath, type ZarrFormat } from '../zarr-write/metadata.js';
import { ARRAY_ENCODING } from '../zarr-write/vector-writer.js';
import { claimAttempt, discardWork, JOB_FILE, readJob, type StagedArrayPlace } from './attempt-claim.js';
import { BegunBlocks } from './begun-blocks.js';
import { encodeSparseBlock, isDecodable, SPARSE_CODEC } from './block-codec.js';
import { fencedError } from './fence.js';
import { ARRAY_FOLDER, attemptFolder, BEGUN_FOLDER, stagedKeyFolder } from './places.js';
import { rowBlocks } from './row-blocks.js';
import { WrittenRowsSummary } from './written-rows.js';

export interface StagedArrayLayout {
  readonly rows: number;
  readonly dim: number;
  /** Rows of a zarr chunk at most. */
  readonly chunkRows: number;
  readonly format: ZarrFormat;
  /** For arrays that are mostly zeros. */
  readonly compressed: boolean;
}

/** An embedding on its way: row blocks in staging, each of them a checkpoint. */
export interface StagedArray {
  /** Rows of a block; the last block may have fewer. */
  readonly blockRows: number;
  readonly blocks: number;
  /** Blocks that an earlier attempt finished. */
  readonly done: ReadonlySet<number>;
  /** Rows of a block that is not written yet which are saved, from its start: 0 for most. */
  savedRows(index: number): number;
  /** Reads the saved rows of a block into the start of `values`. */
  readSaved(index: number, values: Float32Array): Promise<void>;
  /** Saves the next rows of a block durably, for blocks that take long; `writeBlock` still gets the whole block. InvalidInput as there. */
  saveRows(index: number, values: Float32Array): Promise<void>;
  /**
   * Writes one block durably: `values` holds its real rows x dim, row-major, and stays unchanged until the promise settles.
   * InvalidInput for a value that is not finite, naming row and column.
   */
  writeBlock(index: number, values: Float32Array): Promise<void>;
  /** Ends the array once all blocks are written: from here on it can be published. */
  seal(provenance: { readonly [key: string]: Json }): Promise<void>;
}

/**
 * Opens a staged array for writing. Work that an earlier attempt of the same signature and layout left is taken over with
 * its finished blocks (whose files are checked), and that attempt is fenced: its further writes fail. Other work on the
 * key is discarded. Errors: StoreUnavailable once a later attempt took over, and for errors of the file system.
 */
export async function claimStagedArray(place: StagedArrayPlace, layout: StagedArrayLayout): Promise<StagedArray> {
  const job = canonicalJson({ signature: place.signature, ...layout });
  try {
    const accepts = async (candidate: string) =>
      (await readJob(candidate)) === job && (await isFolder(join(candidate, ARRAY_FOLDER)));
    await mkdir(stagedKeyFolder(place.folder, place.key), { recursive: true });
    const claimed = await claimAttempt(place, accepts);
    await discardWork(place, claimed);
    const attempt = claimed ?? (await begin(place, job));
    const writer = new BlockFiles(join(attempt, ARRAY_FOLDER), place, layout);
    await writer.findDone();
    return writer;
  } catch (error) {
    throw fromSystemError(fencedError(error, place.key), place.folder);
  }
}

async function begin({ folder, key, attempt }: StagedArrayPlace, job: string): Promise<string> {
  const own = join(stagedKeyFolder(folder, key), attemptFolder(attempt));
  await mkdir(own);
  await mkdir(join(own, ARRAY_FOLDER));
  await writeFileAtomic(join(own, JOB_FILE), job);
  return own;
}

class BlockFiles implements StagedArray {
  readonly blockRows: number;
  readonly blocks: number;
  readonly done = new Set<number>();
  readonly #written = new Set<number>();
  readonly #begun: BegunBlocks;
  readonly #folder: string;
  readonly #place: StagedArrayPlace;
  readonly #layout: StagedArrayLayout;
  readonly #blockBytes: number;
  readonly #summary: WrittenRowsSummary;

  constructor(folder: string, place: StagedArrayPlace, layout: StagedArrayLayout) {
    const { blockRows, blocks } = rowBlocks(layout.rows, layout.dim, layout.chunkRows);
    this.blockRows = blockRows;
    this.blocks = blocks;
    this.#folder = folder;
    this.#begun = new BegunBlocks(join(dirname(folder), BEGUN_FOLDER), layout.dim);
    this.#place = place;
    this.#layout = layout;
    this.#blockBytes = blockRows * layout.dim * Float32Array.BYTES_PER_ELEMENT;
    this.#summary = new WrittenRowsSummary(layout.dim);
  }

  /** Checks the blocks that are there; what is unfinished or damaged is removed. */
  async findDone(): Promise<void> {
    await removePartials(this.#folder);
    for (let index = 0; index < this.blocks; index++) {
      const file = this.#file(index);
      if (await this.#isValid(file)) {
        this.done.add(index);
        this.#written.add(index);
      } else await rm(file, { force: true });
    }
    await this.#begun.find(this.done);
  }

  savedRows(index: number): number {
    return this.#begun.rows(index);
  }

  readSaved(index: number, values: Float32Array): Promise<void> {
    return this.#fenced(() => this.#begun.read(index, values));
  }

  async saveRows(index: number, values: Float32Array): Promise<void> {
    this.#refuseNonFinite(index * this.blockRows + this.#begun.rows(index), values);
    return this.#fenced(() => this.#begun.save(index, values));
  }

  async writeBlock(index: number, values: Float32Array): Promise<void> {
    this.#refuseWrongSize(index, values.length);
    const file = this.#file(index);
    try {
      if (this.#layout.format === 'zarr-v3') await this.#makeChunkFolder(index);
      if (this.#layout.compressed) {
        const { frame, finite } = encodeSparseBlock(values, this.#blockBytes);
        if (!finite) this.#refuseNonFinite(index * this.blockRows, values);
        this.#summary.add(index, values, frame);
        await writeBlockFile(file, frame, frame.length);
      } else {
        this.#refuseNonFinite(index * this.blockRows, values);
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        await writeBlockFile(file, bytes, this.#blockBytes);
      }
    } catch (error) {
      throw fromSystemError(fencedError(error, this.#place.key), file);
    }
    this.#written.add(index);
    await this.#fenced(() => this.#begun.remove(index));
  }

  async seal(provenance: { readonly [key: string]: Json }): Promise<void> {
    if (this.#written.size !== this.blocks) {
      throw new ObsmithError({
        type: 'Internal',
        message: `${this.#place.key} cannot be sealed: ${this.#written.size} of ${this.blocks} row blocks were written`,
        remedy: 'The attempt is repeated and computes the others.',
      });
    }
    const { rows, dim, format, compressed } = this.#layout;
    const metadata = arrayMetadata(format, {
      shape: [rows, dim],
      dtype: 'float32',
      chunks: [this.blockRows, dim],
      fillValue: Number.NaN,
      codec: compressed ? SPARSE_CODEC : 'raw',
      attributes: { ...ARRAY_ENCODING, obsmith: { ...provenance, signature: this.#place.signature } },
    });
    try {
      await this.#summary.write(dirname(this.#folder), this.blocks);
      // Attributes first: the array exists, even in staging, only with its provenance.
      for (const name of Object.keys(metadata).sort((a, b) => Number(b === '.zattrs') - Number(a === '.zattrs'))) {
        await writeFileAtomic(join(this.#folder, name), JSON.stringify(metadata[name], null, 2));
      }
      await this.#syncFolders();
    } catch (error) {
      throw fromSystemError(fencedError(error, this.#place.key), this.#folder);
    }
  }

  async #fenced<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw fromSystemError(fencedError(error, this.#place.key), this.#folder);
    }
  }

  #file(index: number): string {
    return chunkPath(this.#layout.format, this.#folder, [index, 0]);
  }

  /** Never creates the attempt's own folder: where that is gone, the attempt is fenced. */
  async #makeChunkFolder(index: number): Promise<void> {
    await makeFolder(join(this.#folder, 'c'));
    await makeFolder(join(this.#folder, 'c', String(index)));
  }

  /** Makes the names of all files durable. */
  async #syncFolders(): Promise<void> {
    if (this.#layout.format === 'zarr-v3') {
      for (let index = 0; index < this.blocks; index++) await syncFolder(dirname(this.#file(index)));
      await syncFolder(join(this.#folder, 'c'));
    }
    await syncFolder(this.#folder);
  }

  async #isValid(file: string): Promise<boolean> {
    const found = await stat(file).catch(absent);
    if (!found) return false;
    if (!this.#layout.compressed) return found.size === this.#blockBytes;
    return isDecodable(await readFile(file), this.#blockBytes);
  }

  #refuseNonFinite(firstRow: number, values: Float32Array): void {
    const found = findNonFinite(values, firstRow, this.#layout.dim);
    if (found === null) return;
    throw invalidInput(
      `The embedding ${this.#place.key} is ${found.value} at row ${found.row}, column ${found.column}; finite values were expected`,
      'Check the expression values of that cell; nothing was published for this chunk and method.',
    );
  }

  #refuseWrongSize(index: number, found: number): void {
    const rows = Math.min(this.blockRows, this.#layout.rows - index * this.blockRows);
    const expected = rows * this.#layout.dim;
    if (rows > 0 && found === expected) return;
    throw new ObsmithError({
      type: 'Internal',
      message: `row block ${index} of ${this.#place.key}: expected ${Math.max(0, expected)} values, found ${found}`,
      remedy: 'This is a defect of Obsmith; please report it with the log.',
    });
  }
}

/**
 * Writes a block's file by temp + fsync + rename. Raw blocks are prolonged to `bytes`: padding of the last block reads
 * as zeros, lies beyond the array's shape, and takes no space on disk.
 */
async function writeBlockFile(path: string, content: Uint8Array, bytes: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}${PARTIAL_SUFFIX}`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
      if (bytes > content.length) await file.truncate(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function removePartials(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.endsWith(PARTIAL_SUFFIX))
      await rm(join(entry.parentPath, entry.name), { force: true });
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function isFolder(path: string): Promise<boolean> {
  return Boolean((await stat(path).catch(absent))?.isDirectory());
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
