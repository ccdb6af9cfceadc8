import { invalidInput } from '../../errors.js';
import type { BlockValues } from '../types.js';
import { ChunkReader } from './chunk-reader.js';
import type { ArrayNode } from './metadata.js';
import { fillNumber, type NumberDType, newValues, Unrepresentable, valuesIn } from './numbers.js';
import { fillString, stringsIn } from './strings.js';

/** What an absent chunk means: fill_value, or an error (data and indices of sparse matrices). */
export type Absent = 'fill' | 'error';

/** Rows of an array of numbers with any number of axes, in C order; a scalar has one row. */
export class NumberArray {
  readonly node: ArrayNode;
  readonly dtype: NumberDType;
  readonly rows: number;
  /** Values in one row. */
  readonly rowSize: number;
  readonly #chunks: ChunkReader;
  readonly #absent: Absent;

  constructor(node: ArrayNode, absent: Absent = 'fill') {
    this.#chunks = new ChunkReader(node);
    if (node.dtype.kind !== 'number') {
      throw invalidInput(
        `expected numbers in ${node.element} of ${node.root}, found ${node.dtype.name}`,
        'Write it as numbers.',
      );
    }
    this.node = node;
    this.dtype = node.dtype;
    this.rows = node.shape[0] ?? 1;
    this.rowSize = node.shape.slice(1).reduce((product, size) => product * size, 1);
    this.#absent = absent;
  }

  /** Rows [start, end) in C order, written to `target` from its beginning. */
  async read(
    start = 0,
    end = this.rows,
    target = newValues(this.dtype.name, (end - start) * this.rowSize),
  ): Promise<BlockValues> {
    if (target.length === 0) return target;
    const { shape, chunks } = this.node;
    const firsts = shape.map((_, axis) => (axis === 0 ? Math.floor(start / chunks[0]!) : 0));
    const lasts = shape.map((size, axis) => Math.floor(((axis === 0 ? end : size) - 1) / chunks[axis]!));
    for (const coordinates of gridCells(firsts, lasts)) {
      await this.#chunks.read(coordinates, (bytes) => this.#place(coordinates, bytes, start, end, target));
    }
    return target;
  }

  #place(
    coordinates: readonly number[],
    bytes: Uint8Array | null,
    start: number,
    end: number,
    target: BlockValues,
  ): void {
    if (bytes === null && this.#absent === 'error') throw this.#chunks.absent(coordinates);
    const values = this.#values(bytes);
    const { shape, chunks } = this.node;
    const region = shape.map((size, axis) => {
      const first = coordinates[axis]! * chunks[axis]!;
      const low = axis === 0 ? start : 0;
      const high = axis === 0 ? end : size;
      const from = Math.max(low, first);
      return { from: from - first, count: Math.min(high, first + chunks[axis]!) - from, to: from - low };
    });
    const rowsWanted = shape.map((size, axis) => (axis === 0 ? end - start : size));
    copyRegion(values, strides(chunks, this.#chunks.order), target, strides(rowsWanted, 'C'), region);
  }

  #values(bytes: Uint8Array | null): BlockValues {
    try {
      if (bytes !== null) return valuesIn(bytes, this.dtype, 0, this.#chunks.elements);
      return newValues(this.dtype.name, this.#chunks.elements).fill(fillNumber(this.node.fillValue, this.dtype));
    } catch (error) {
      throw describe(error, this.node);
    }
  }
}

export function describe(error: unknown, node: ArrayNode): unknown {
  if (!(error instanceof Unrepresentable)) return error;
  return invalidInput(
    `${node.element} in ${node.root}: ${error.message}`,
    'Convert the array to a type that holds its values exactly.',
    error,
  );
}

/** All strings of an array with one axis (or none), in order. */
export async function readStrings(node: ArrayNode): Promise<string[]> {
  const { dtype } = node;
  const chunks = new ChunkReader(node);
  if (dtype.kind !== 'string' && dtype.kind !== 'fixed-string') {
    throw invalidInput(
      `expected strings in ${node.element} of ${node.root}, found ${dtype.name}`,
      'Write it as strings.',
    );
  }
  if (node.shape.length > 1) {
    throw invalidInput(
      `expected one axis of strings in ${node.element} of ${node.root}, found shape [${node.shape}]`,
      'Write it as a column.',
    );
  }
  const total = node.shape[0] ?? 1;
  const strings: string[] = [];
  for (let chunk = 0; strings.length < total; chunk++) {
    const coordinates = node.shape.length === 0 ? [] : [chunk];
    await chunks.read(coordinates, (bytes) => {
      const all = bytes
        ? stringsIn(bytes, dtype, chunks.elements)
        : new Array<string>(chunks.elements).fill(fillString(node.fillValue));
      const wanted = Math.min(total - strings.length, all.length);
      for (let i = 0; i < wanted; i++) strings.push(all[i]!);
    });
  }
  return strings;
}

/** Coordinates of the grid cells from `firsts` to `lasts` (inclusive), last axis fastest. */
function* gridCells(firsts: readonly number[], lasts: readonly number[]): Generator<number[]> {
  const cell = [...firsts];
  for (;;) {
    yield [...cell];
    let axis = cell.length - 1;
    while (axis >= 0 && cell[axis] === lasts[axis]) {
      cell[axis] = firsts[axis]!;
      axis--;
    }
    if (axis < 0) return;
    cell[axis]!++;
  }
}

function strides(shape: readonly number[], order: 'C' | 'F'): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = 0; i < shape.length; i++) {
    const axis = order === 'F' ? i : shape.length - 1 - i;
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

interface Extent {
  readonly from: number;
  readonly count: number;
  readonly to: number;
}

function copyRegion(
  source: BlockValues,
  sourceStrides: readonly number[],
  target: BlockValues,
  targetStrides: readonly number[],
  region: readonly Extent[],
): void {
  const last = region.length - 1;
  if (last < 0) {
    target[0] = source[0]!;
    return;
  }
  const copy = (axis: number, sourceAt: number, targetAt: number): void => {
    const { from, count, to } = region[axis]!;
    const sourceStep = sourceStrides[axis]!;
    const targetStep = targetStrides[axis]!;
    const first = sourceAt + from * sourceStep;
    const goal = targetAt + to * targetStep;
    if (axis < last) {
      for (let i = 0; i < count; i++) copy(axis + 1, first + i * sourceStep, goal + i * targetStep);
    } else if (sourceStep === 1) {
      target.set(source.subarray(first, first + count), goal);
    } else {
      for (let i = 0; i < count; i++) target[goal + i] = source[first + i * sourceStep]!;
    }
  };
  copy(0, 0, 0);
}
