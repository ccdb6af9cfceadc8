import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Column } from '../../core/anndata/types.js';
import { type ChunkGenes, ChunkWriter } from '../../core/import/chunk-writer.js';
import type { CountRows } from '../../core/import/count-rows.js';
import { loadGeneList } from '../../core/methods/gene-lists.js';
import { loadSymbolTable } from '../../core/methods/symbol-table.js';
import { BATCHES, CELL_TYPE_NAMES, CountModel, type SimulatedCell } from './count-model.js';

/** How chunks are stored; all but zarr v2 are written by anndata. */
export const FORMATS = ['zarr-v2', 'zarr-v3', 'zarr-v3-sharded', 'h5ad'] as const;

export type Format = (typeof FORMATS)[number];

export interface BenchShape {
  readonly cells: number;
  readonly genes: number;
  readonly chunks: number;
  readonly seed: number;
  readonly format: Format;
}

export interface BenchDataset extends BenchShape {
  /** Base folder of the data set. */
  readonly base: string;
  readonly config: string;
  /** Absolute paths of the chunks. */
  readonly inputs: readonly string[];
  /** Folder that runs write to. */
  readonly outputs: string;
}

const ROWS_AT_ONCE = 1024;
const CHUNKS = 'processed/test/bench/all';

/** The simulated data set, made once per shape and seed in a folder of `directory`. `python` has anndata; it is not needed for zarr v2. */
export async function benchDataset(
  directory: string,
  shape: BenchShape,
  methods: readonly string[],
  python: string | null = null,
): Promise<BenchDataset> {
  const { cells, genes, chunks, seed, format } = shape;
  const name = `single-cell-${cells}x${genes}x${chunks}-seed${seed}`;
  const base = join(directory, format === 'zarr-v2' ? name : `${name}-${format}`);
  const suffix = format === 'h5ad' ? 'h5ad' : 'zarr';
  const inputs = Array.from({ length: chunks }, (_, chunk) => join(base, CHUNKS, `chunk_${chunk}.${suffix}`));
  const config = join(base, 'bench.yaml');
  if (!existsSync(join(base, CHUNKS))) {
    if (format === 'zarr-v2') await generate(join(base, CHUNKS), shape);
    else {
      const original = await benchDataset(directory, { ...shape, format: 'zarr-v2' }, methods);
      await convert(original.inputs, join(base, CHUNKS), format, python);
    }
  }
  await writeFile(config, configText(base, methods));
  return { ...shape, base, config, inputs, outputs: join(base, 'processed_with_emb') };
}

/** Removes what runs left, so that the next one starts from the chunks alone. */
export async function removeOutputs({ base, outputs }: BenchDataset): Promise<void> {
  await rm(outputs, { recursive: true, force: true });
  await rm(join(base, '.obsmith'), { recursive: true, force: true });
}

/** Writes the chunks beside their place and renames the folder, so that an interrupted run leaves none behind. */
async function generate(folder: string, { cells, genes, chunks, seed }: BenchShape): Promise<void> {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  const model = new CountModel(genes, seed);
  const chunkGenes = await realGenes(genes);
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const rows = Math.floor((cells * (chunk + 1)) / chunks) - Math.floor((cells * chunk) / chunks);
    process.stderr.write(`generating chunk ${chunk + 1} of ${chunks}: ${rows} cells x ${genes} genes\n`);
    await generateChunk(join(partial, `chunk_${chunk}.zarr`), chunk, rows, model, chunkGenes);
  }
  await mkdir(join(folder, '..'), { recursive: true });
  await rename(partial, folder);
}

async function convert(
  inputs: readonly string[],
  folder: string,
  format: Format,
  python: string | null,
): Promise<void> {
  if (!python)
    throw new Error(`Chunks as ${format} are made by anndata: give --peer, or name a Python in OBSMITH_BENCH_PYTHON.`);
  process.stderr.write(`writing ${inputs.length} chunks as ${format}\n`);
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  const script = fileURLToPath(new URL('convert_dataset.py', import.meta.url));
  await promisify(execFile)(python, [script, format, partial, ...inputs]);
  await rename(partial, folder);
}

async function generateChunk(
  path: string,
  chunk: number,
  cells: number,
  model: CountModel,
  genes: ChunkGenes,
): Promise<void> {
  const writer = new ChunkWriter(path, genes);
  const cellTypes = new Int32Array(cells);
  const batches = new Int32Array(cells);
  for (let start = 0; start < cells; start += ROWS_AT_ONCE) {
    const drawn = Array.from({ length: Math.min(ROWS_AT_ONCE, cells - start) }, () => model.draw());
    drawn.forEach((cell, row) => {
      cellTypes[start + row] = cell.cellType;
      batches[start + row] = cell.batch;
    });
    await writer.append(rowsOf(drawn, start));
  }
  const columns = new Map<string, Column>([
    ['cell_type', { kind: 'categories', categories: [...CELL_TYPE_NAMES], codes: cellTypes }],
    ['batch', { kind: 'categories', categories: [...BATCHES], codes: batches }],
  ]);
  const names = Array.from({ length: cells }, (_, cell) => `cell_${chunk}_${cell}`);
  await writer.finish({ names, columns, carried: [] });
}

function rowsOf(cells: readonly SimulatedCell[], start: number): CountRows {
  const indptr = new Int32Array(cells.length + 1);
  cells.forEach((cell, row) => {
    indptr[row + 1] = indptr[row]! + cell.genes.length;
  });
  const indices = new Int32Array(indptr[cells.length]!);
  const counts = new Int32Array(indptr[cells.length]!);
  cells.forEach((cell, row) => {
    indices.set(cell.genes, indptr[row]);
    counts.set(cell.counts, indptr[row]);
  });
  return { cells: Int32Array.from(cells, (_, row) => start + row), indptr, indices, counts };
}

/** Human Ensembl ids: those of the gene lists first, so that a small data set has them too; then in id order. */
async function realGenes(count: number): Promise<ChunkGenes> {
  const lists = await Promise.all([loadGeneList('gs10k'), loadGeneList('gs')]);
  const known = new Set([...lists.flatMap((list) => list.genes), ...(await loadSymbolTable()).values()]);
  if (count > known.size) throw new Error(`--genes ${count} is more than the ${known.size} known Ensembl ids`);
  const names = [...known].slice(0, count).sort();
  return { names, columns: new Map([['ensembl_id', { kind: 'strings', values: names }]]) };
}

const configText = (base: string, methods: readonly string[]): string => `defaults: [dataset_default.yaml, _self_]
base_file_path: ${JSON.stringify(base)}
dataset: { name: bench }
batch_key: batch
split_dataset: false
embedding_cpu:
  methods: [${methods.join(', ')}]
`;
