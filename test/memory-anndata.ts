import { createHash } from 'node:crypto';
import type {
  AnnData,
  BlockValues,
  Column,
  MatrixInfo,
  MatrixPath,
  RowBlock,
  RowRange,
} from '../core/anndata/types.js';
import { BLOCK_ROWS } from '../core/anndata/types.js';
import { invalidInput } from '../core/errors.js';

export interface MemoryMatrix {
  readonly encoding: 'csr' | 'dense';
  readonly dtype: 'float32' | 'float64' | 'int32';
  /** One array per cell. */
  readonly rows: readonly (readonly number[])[];
}

export interface MemoryStore {
  readonly cells: readonly string[];
  readonly genes: readonly string[];
  readonly X?: MemoryMatrix;
  readonly layers?: Readonly<Record<string, MemoryMatrix>>;
  readonly obs?: Readonly<Record<string, Column>>;
  readonly var?: Readonly<Record<string, Column>>;
}

const CONSTRUCTORS = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

/** An AnnData that lies in memory: the readers' contract without a file. */
export function memoryAnnData(store: MemoryStore): AnnData {
  const matrixAt = (path: MatrixPath): MemoryMatrix | undefined =>
    path === 'X' ? store.X : path.startsWith('layers/') ? store.layers?.[path.slice('layers/'.length)] : undefined;
  return {
    path: '/memory',
    format: 'zarr-v2',
    cells: store.cells.length,
    genes: store.genes.length,
    keys: async (group) => Object.keys({ obs: store.obs, var: store.var, layers: store.layers }[group as 'obs'] ?? {}),
    names: async (axis) => [...(axis === 'obs' ? store.cells : store.genes)],
    column: async (axis, name) => {
      const column = (axis === 'obs' ? store.obs : store.var)?.[name];
      if (!column) throw invalidInput(`${axis} has no column ${name}`, 'Add it.');
      return column;
    },
    matrix: async (path): Promise<MatrixInfo | null> => {
      const matrix = matrixAt(path);
      if (!matrix) return null;
      const { encoding, dtype, rows } = matrix;
      const columns = store.genes.length;
      const stored = encoding === 'dense' ? rows.length * columns : rows.flat().filter((value) => value !== 0).length;
      return { encoding, dtype, rows: rows.length, columns, stored };
    },
    rowBlocks: (path, range) => blocks(matrixAt(path)!, store.genes.length, range),
    digest: async (element) => digestOf(element, store),
    fingerprint: async (elements) => digestOf(elements.join(), store),
    close: async () => {},
  };
}

async function* blocks(matrix: MemoryMatrix, columns: number, range: RowRange = {}): AsyncGenerator<RowBlock> {
  const { start = 0, end = matrix.rows.length, blockRows = BLOCK_ROWS } = range;
  for (let first = start; first < end; first += blockRows) {
    const rows = matrix.rows.slice(first, Math.min(end, first + blockRows));
    const place = { start: first, rows: rows.length, columns };
    const Values = CONSTRUCTORS[matrix.dtype] as { from(values: readonly number[]): BlockValues };
    if (matrix.encoding === 'dense') {
      yield { kind: 'dense', ...place, values: Values.from(rows.flat()) };
      continue;
    }
    const stored = rows.map((row) => row.flatMap((value, column) => (value === 0 ? [] : [{ column, value }])));
    let next = 0;
    yield {
      kind: 'sparse',
      ...place,
      indptr: Int32Array.from([0, ...stored.map((row) => (next += row.length))]),
      indices: Int32Array.from(stored.flat(), ({ column }) => column),
      values: Values.from(stored.flat().map(({ value }) => value)),
    };
  }
}

const digestOf = (element: string, store: MemoryStore): string =>
  createHash('sha256').update(element).update(JSON.stringify(store)).digest('hex');
