import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, invalidInput, type ObsmithError } from '../../errors.js';
import { CorruptData } from '../../kernels/corrupt-data.js';
import { decode, encodedSource } from './decode.js';
import { readForeignChunk } from './foreign-chunk.js';
import type { ArrayNode } from './metadata.js';
import { readShardIndex, type ShardEntry } from './shard-index.js';

const RESTORE = 'Restore the file from its source, or write the store again with anndata.';
/** Shard indexes kept in memory; neighbouring chunks lie in the same few shards. */
const CACHED_INDEXES = 64;

/** Reads the chunks of one array straight from their files, decoded. */
export class ChunkReader {
  readonly node: ArrayNode;
  /** Elements of one chunk. */
  readonly elements: number;
  /** Order of the elements as they are handed out. */
  readonly order: 'C' | 'F';
  readonly #decodedBytes: number | null;
  readonly #shardIndexes = new Map<string, (ShardEntry | null)[] | null>();

  constructor(node: ArrayNode) {
    const { dtype } = node;
    if (dtype.kind === 'unsupported') {
      throw invalidInput(
        `${node.element} in ${node.root} has data type ${dtype.name}, which cannot be read`,
        'Convert it with anndata to numbers, strings or categories, or remove it.',
      );
    }
    if (node.foreign !== null && (node.shard !== null || dtype.kind === 'string')) {
      throw invalidInput(
        `${node.element} in ${node.root} needs codecs that cannot be read: ${node.foreign}`,
        'Write the store again with anndata (its default codecs are Blosc for zarr v2 and zstd for v3).',
      );
    }
    this.node = node;
    this.elements = node.chunks.reduce((product, size) => product * size, 1);
    this.order = node.foreign === null ? node.order : 'C';
    this.#decodedBytes = dtype.kind === 'string' ? null : this.elements * dtype.bytes;
  }

  /**
   * Hands the decoded bytes of a chunk to `use`, or null where the chunk was never written. The bytes belong to this thread's
   * decoder: copy what is needed before `use` returns. @throws InvalidInput that names array and chunk where it is corrupt
   */
  async read(coordinates: readonly number[], use: (bytes: Uint8Array | null) => void): Promise<void> {
    try {
      const decoded = this.#decoded(coordinates);
      const bytes = decoded instanceof Promise ? await decoded : decoded;
      if (bytes !== null && this.#decodedBytes !== null && bytes.length !== this.#decodedBytes) {
        throw new CorruptData(`expected ${this.#decodedBytes} decoded bytes, found ${bytes.length}`);
      }
      use(bytes);
    } catch (error) {
      if (error instanceof CorruptData) throw this.corrupt(coordinates, error.message, error);
      throw fromSystemError(error, join(this.node.folder, this.#file(coordinates)));
    }
  }

  corrupt(coordinates: readonly number[], reason: string, cause?: unknown): ObsmithError {
    const { element, root } = this.node;
    return invalidInput(
      `chunk ${this.#file(coordinates)} of ${element} in ${root} is corrupt: ${reason}`,
      RESTORE,
      cause,
    );
  }

  absent(coordinates: readonly number[]): ObsmithError {
    const { element, root } = this.node;
    return invalidInput(`chunk ${this.#file(coordinates)} of ${element} in ${root} is missing`, RESTORE);
  }

  #decoded(coordinates: readonly number[]): Uint8Array | Promise<Uint8Array> | null {
    const { node } = this;
    const file = join(node.folder, this.#file(coordinates));
    const entry = node.shard === null ? undefined : this.#shardEntry(file, coordinates);
    if (entry === null) return null;
    const source = readBytes(file, entry, (bytes) => encodedSource(node.codecs, bytes));
    if (source === null) return null;
    if (node.foreign === null) return decode(node.codecs, source, this.#decodedBytes);
    return this.#foreign(source, coordinates);
  }

  /** zarrita does not notice what is cut off or damaged, so the codecs that we know are checked first. */
  async #foreign(source: Uint8Array, coordinates: readonly number[]): Promise<Uint8Array> {
    await decode(this.node.codecs, source, null);
    return readForeignChunk(this.node, coordinates);
  }

  /** Key of the file that holds the chunk. */
  #file(coordinates: readonly number[]): string {
    const { chunks, shard, fileKey } = this.node;
    return fileKey(
      shard ? coordinates.map((at, axis) => Math.floor((at * chunks[axis]!) / shard.shape[axis]!)) : coordinates,
    );
  }

  #shardEntry(file: string, coordinates: readonly number[]): ShardEntry | null {
    const { chunks, shard } = this.node;
    const perShard = shard!.shape.map((size, axis) => size / chunks[axis]!);
    if (!perShard.every(Number.isInteger))
      throw new CorruptData(`shards of ${shard!.shape} do not hold whole chunks of ${chunks}`);
    let index = this.#shardIndexes.get(file);
    if (index === undefined) {
      const count = perShard.reduce((product, size) => product * size, 1);
      index = ifExists(() => readShardIndex(file, shard!, count));
      if (this.#shardIndexes.size >= CACHED_INDEXES) this.#shardIndexes.clear();
      this.#shardIndexes.set(file, index);
    }
    const position = coordinates.reduce((sum, at, axis) => sum * perShard[axis]! + (at % perShard[axis]!), 0);
    return index?.[position] ?? null;
  }
}

/** A file, or one part of it, read into the room that `room` gives; null where there is no such file. */
function readBytes(file: string, part: ShardEntry | undefined, room: (bytes: number) => Uint8Array): Uint8Array | null {
  const fd = ifExists(() => openSync(file, 'r'));
  if (fd === null) return null;
  try {
    const bytes = part?.bytes ?? fstatSync(fd).size;
    const target = room(bytes);
    let done = 0;
    while (done < bytes) {
      const read = readSync(fd, target, done, bytes - done, (part?.offset ?? 0) + done);
      if (read === 0) throw new CorruptData(`expected ${bytes} bytes, the file ends after ${done}`);
      done += read;
    }
    return target;
  } finally {
    closeSync(fd);
  }
}

function ifExists<T>(open: () => T): T | null {
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
