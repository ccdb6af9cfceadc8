import { invalidInput } from '../../errors.js';
import type { BlockValues } from '../types.js';
import { describe } from './array.js';
import { ChunkReader } from './chunk-reader.js';
import type { ArrayNode } from './metadata.js';
import { type NumberDType, valuesIn } from './numbers.js';

/**
 * Stored values or indices of a sparse matrix, read in order. Every chunk must be there, and a chunk that reaches beyond what was
 * asked for is kept, so that reading on does not decode it again.
 */
export class Vector {
  readonly length: number;
  readonly dtype: NumberDType;
  readonly #node: ArrayNode;
  readonly #chunks: ChunkReader;
  readonly #chunkLength: number;
  #kept: { readonly chunk: number; readonly values: BlockValues } | null = null;

  constructor(node: ArrayNode) {
    if (node.shape.length !== 1 || node.dtype.kind !== 'number') {
      throw invalidInput(
        `expected one axis of numbers in ${node.element} of ${node.root}, found ${node.dtype.name} with shape [${node.shape}]`,
        'Write the matrix again with scipy and anndata.',
      );
    }
    this.#node = node;
    this.dtype = node.dtype;
    this.length = node.shape[0]!;
    this.#chunks = new ChunkReader(node);
    this.#chunkLength = node.chunks[0]!;
  }

  /** Elements [start, end) into the beginning of `target`. */
  async read(start: number, end: number, target: BlockValues): Promise<void> {
    const size = this.#chunkLength;
    for (let chunk = Math.floor(start / size); chunk * size < end; chunk++) {
      const first = chunk * size;
      const from = Math.max(start, first) - first;
      const to = Math.min(end, first + size) - first;
      const place = (values: BlockValues): void => {
        const part = values.subarray(from, to);
        if (target instanceof Int32Array) this.#checkInt32(part);
        target.set(part, first + from - start);
      };
      if (this.#kept?.chunk === chunk) {
        place(this.#kept.values);
        continue;
      }
      await this.#chunks.read([chunk], (bytes) => {
        if (bytes === null) throw this.#chunks.absent([chunk]);
        const values = this.#values(bytes);
        place(values);
        if (first + to < Math.min(this.length, first + size)) this.#keep(chunk, values);
      });
    }
  }

  #values(bytes: Uint8Array): BlockValues {
    try {
      return valuesIn(bytes, this.dtype, 0, this.#chunkLength);
    } catch (error) {
      throw describe(error, this.#node);
    }
  }

  #keep(chunk: number, values: BlockValues): void {
    const room = this.#kept?.values ?? values.slice();
    room.set(values);
    this.#kept = { chunk, values: room };
  }

  /** Int32Array would wrap larger numbers around instead of refusing them. */
  #checkInt32(values: BlockValues): void {
    if (!(values instanceof Float64Array || values instanceof Uint32Array)) return;
    for (const value of values) {
      if (value !== (value | 0)) {
        throw invalidInput(
          `${this.#node.element} in ${this.#node.root} has index ${value}, expected less than 2^31`,
          'Write the matrix again with scipy and anndata.',
        );
      }
    }
  }
}
