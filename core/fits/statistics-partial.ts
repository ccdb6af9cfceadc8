import { invalidInput } from '../errors.js';
import type { GeneSums } from '../kernels/gene-sums.js';
import type { TaskContext } from '../tasks/types.js';
import type { CellBatches } from './gene-statistics.js';
import { createPartial, openPartial, type PartialHeader, type PartialReader } from './partial-file.js';
import type { Fit } from './types.js';

/** Gene statistics of one chunk or of several: array `sums`, batches x genes x (sum, sum of squares). */
export interface StatisticsHeader extends PartialHeader {
  readonly arrays: { readonly sums: number };
  readonly chunks: Fit['chunks'];
  /** All cells, also those of no batch. */
  readonly cells: number;
  readonly genes: readonly string[];
  readonly batches: readonly string[];
  readonly cellsPerBatch: readonly number[];
}

export type StatisticsReader = PartialReader<StatisticsHeader>;

export const openStatistics = (path: string): Promise<StatisticsReader> => openPartial<StatisticsHeader>(path);

/** Header of one chunk's partial. */
export const describeChunk = (
  chunk: { readonly name: string; readonly digest: string; readonly cells: number },
  genes: readonly string[],
  batches: CellBatches,
): Omit<StatisticsHeader, 'arrays'> => ({
  chunks: [{ name: chunk.name, digest: chunk.digest }],
  cells: chunk.cells,
  genes,
  batches: batches.names,
  cellsPerBatch: [...batches.cells],
});

/** Writes a partial whose batches are delivered in any order. */
export async function writeStatistics(
  path: string,
  header: Omit<StatisticsHeader, 'arrays'>,
  fill: (deliver: (batch: number, sums: GeneSums) => Promise<void>) => Promise<void>,
): Promise<void> {
  const stride = header.genes.length * 2;
  const writer = await createPartial(path, {
    arrays: { sums: header.batches.length * stride },
    ...header,
  } as StatisticsHeader);
  try {
    await fill((batch, sums) => writer.write('sums', batch * stride, sums));
    await writer.commit();
  } finally {
    await writer.abandon();
  }
}

/** Gene statistics batch by batch. */
export interface Statistics {
  readonly header: Omit<StatisticsHeader, 'arrays'>;
  /** Sums of the batch at a position, into `target` (2 x genes). */
  sumsOf(batch: number, target: GeneSums): Promise<void>;
}

/**
 * Partials added in order: genes are those that all of them have, in the order of the first (as
 * anndata.concat(join="inner")); batches are all that any of them has. A batch is added up when it is read, so memory is two
 * batches' sums, whatever the number of batches. InvalidInput where no gene is in all of them.
 */
export function addStatistics(inputs: readonly StatisticsReader[]): Statistics {
  const genes = sharedGenes(inputs);
  const batches = [...new Set(inputs.flatMap(({ header }) => header.batches))].sort();
  const sources = inputs.map((reader) => ({
    reader,
    columns: positionsOf(genes, reader.header.genes),
    batches: indexOf(reader.header.batches),
  }));
  const header = {
    chunks: inputs.flatMap((input) => input.header.chunks),
    cells: inputs.reduce((sum, input) => sum + input.header.cells, 0),
    genes,
    batches,
    cellsPerBatch: batches.map((batch) => sources.reduce((sum, source) => sum + cellsIn(source, batch), 0)),
  };
  const longest = Math.max(...inputs.map((input) => input.header.genes.length));
  const read = new Float64Array(longest * 2);
  return {
    header,
    async sumsOf(position, target) {
      target.fill(0);
      for (const { reader, columns, batches: known } of sources) {
        const section = known.get(batches[position]!);
        if (section === undefined) continue;
        const sums = read.subarray(0, reader.header.genes.length * 2);
        await reader.read('sums', section * sums.length, sums);
        addColumns(target, sums, columns);
      }
    },
  };
}

/** Writes added partials as one. */
export async function writeAdded(path: string, { header, sumsOf }: Statistics, context: TaskContext): Promise<void> {
  await writeStatistics(path, header, async (deliver) => {
    const sums = new Float64Array(header.genes.length * 2);
    for (let batch = 0; batch < header.batches.length; batch++) {
      context.checkCancelled();
      await sumsOf(batch, sums);
      await deliver(batch, sums);
      context.progress(batch + 1, header.batches.length);
    }
  });
}

function cellsIn(
  { reader, batches }: { reader: StatisticsReader; batches: Map<string, number> },
  batch: string,
): number {
  const section = batches.get(batch);
  return section === undefined ? 0 : reader.header.cellsPerBatch[section]!;
}

function sharedGenes(inputs: readonly StatisticsReader[]): string[] {
  const [first, ...others] = inputs.map(({ header }) => header);
  let genes = [...first!.genes];
  for (const other of others) {
    const known = new Set(other.genes);
    genes = genes.filter((gene) => known.has(gene));
    if (genes.length > 0) continue;
    const name = (header: StatisticsHeader) =>
      `${header.chunks[0]!.name} (genes such as ${header.genes.slice(0, 3).join(', ')})`;
    throw invalidInput(
      `No gene is in all fitted chunks: ${name(other)} shares none with ${name(first!)}`,
      'Bring the chunks to the same gene names, or name a var column that all share with method_options.<method>.gene_key.',
    );
  }
  return genes;
}

function addColumns(total: GeneSums, sums: GeneSums, columns: Int32Array): void {
  for (let gene = 0; gene < columns.length; gene++) {
    const from = columns[gene]! * 2;
    total[gene * 2]! += sums[from]!;
    total[gene * 2 + 1]! += sums[from + 1]!;
  }
}

/** Where each of `genes` stands in `among`, which has all of them. */
function positionsOf(genes: readonly string[], among: readonly string[]): Int32Array {
  const positions = indexOf(among);
  return Int32Array.from(genes, (gene) => positions.get(gene)!);
}

const indexOf = (names: readonly string[]): Map<string, number> =>
  new Map(names.map((name, position) => [name, position]));
