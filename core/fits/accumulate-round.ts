import { join } from 'node:path';
import { openAnnData } from '../anndata/open.js';
import { type AnnData, READ_ROWS, type RowRange } from '../anndata/types.js';
import { keptExpressionFile, stagingFolder } from '../dataset/layout.js';
import { scanChunk } from '../dataset/scan.js';
import type { ChunkScan } from '../dataset/types.js';
import { FilterColumns } from '../kernels/filter-columns.js';
import { type ExpressionBlock, expressionBlocks } from '../methods/expression.js';
import { ExpressionKeeper } from '../methods/kept-expression.js';
import { loadPlannedChunk } from '../plan/load-plan.js';
import type { TaskContext } from '../tasks/types.js';
import { readCellBatches } from './cell-batches.js';
import { readGeneNames } from './gene-names.js';
import { accumulateGeneStatistics } from './gene-statistics.js';
import { accumulateGram, writeGram } from './gram.js';
import { fittedDigest, geneKeyOf } from './identity.js';
import { folderOf, isDone, isFinished, partialFile, type RoundTask, readChosenGenes } from './round-files.js';
import { describeChunk, writeStatistics } from './statistics-partial.js';

/**
 * Sums one fitted chunk (by its position among them) into a partial of the round; at once where that was done before.
 * Memory: STATISTICS_BYTES at most, or the Gram matrix of the chosen genes. Progress counts cells.
 */
export async function accumulateRound(
  task: RoundTask & { position: number },
  context: TaskContext,
): Promise<{ cells: number }> {
  const { loaded, resolved, method, round, position } = task;
  const { base, plan } = loaded;
  const chunk = await loadPlannedChunk(loaded, resolved.chunks[position]!.index);
  const folder = folderOf(task, round);
  const place = { level: 0, index: position };
  if ((await isFinished(task)) || (await isDone(folder, place, resolved.chunks.length))) return { cells: chunk.cells };
  const quiet: TaskContext = { progress() {}, checkCancelled: () => context.checkCancelled() };
  const scan = await scanChunk({ base, dataset: plan.dataset, chunk, elements: chunk.reads }, quiet);
  const path = partialFile(folder, place);
  const input = await openAnnData(join(base, chunk.input));
  try {
    const source = { input, scan, context };
    const digest = fittedDigest(method, { name: chunk.name, scan });
    const target = { path, digest, geneKey: geneKeyOf(method) };
    const kept = join(base, keptExpressionFile(stagingFolder(plan.dataset, plan.id, chunk.name)));
    if (round === 'gram') await accumulateGramOf(source, { ...target, folder, kept });
    else await accumulateStatisticsOf(source, { ...target, batchKey: method.batchKey });
    return { cells: scan.cells };
  } finally {
    await input.close();
  }
}

interface Source {
  readonly input: AnnData;
  readonly scan: ChunkScan;
  readonly context: TaskContext;
}

interface Target {
  readonly path: string;
  /** Digest of what the sums are made from. */
  readonly digest: string;
  readonly geneKey: string | null;
}

async function accumulateStatisticsOf(
  source: Source,
  { path, digest, geneKey, batchKey }: Target & { batchKey: string | null },
): Promise<void> {
  const { input, scan } = source;
  const genes = await readGeneNames(input, scan.name, geneKey);
  const batches = await readCellBatches(input, batchKey);
  const description = describeChunk({ ...scan, digest }, genes, batches);
  const blocks = (start: number, end: number, blockRows: number) => watchedBlocks(source, { start, end, blockRows });
  await writeStatistics(path, description, (deliver) =>
    accumulateGeneStatistics({ genes: genes.length, batches, blocks, deliver }),
  );
}

async function accumulateGramOf(
  source: Source,
  { path, folder, kept, digest, geneKey }: Target & { folder: string; kept: string },
): Promise<void> {
  const { input, scan } = source;
  const chosen = await readChosenGenes(folder);
  const positions = new Map(chosen.map((gene, position) => [gene, position]));
  const names = await readGeneNames(input, scan.name, geneKey);
  const columns = Int32Array.from(names, (name) => positions.get(name) ?? -1);
  const blocks = chosenBlocks(watchedBlocks(source, { blockRows: READ_ROWS }), columns, scan, kept);
  const gram = await accumulateGram(blocks, columns, chosen.length);
  const header = { chunks: [{ name: scan.name, digest }], cells: scan.cells, genes: chosen.length };
  await writeGram(path, header, gram);
}

/** Blocks without columns that were not chosen; what is left of them is kept for those who embed the chunk. */
async function* chosenBlocks(
  blocks: AsyncIterable<ExpressionBlock>,
  columns: Int32Array,
  scan: ChunkScan,
  path: string,
): AsyncGenerator<ExpressionBlock> {
  const filter = new FilterColumns(columns);
  const keeper = await ExpressionKeeper.create(path, scan, columns);
  try {
    for await (const block of blocks) {
      const chosen = filter.apply(block);
      await keeper?.add(chosen, block.indptr[block.rows]!);
      yield chosen;
    }
    await keeper?.finish();
  } finally {
    await keeper?.abandon();
  }
}

async function* watchedBlocks({ input, scan, context }: Source, range: RowRange): AsyncGenerator<ExpressionBlock> {
  for await (const block of expressionBlocks(input, scan, range)) {
    context.checkCancelled();
    yield block;
    context.progress(block.start + block.rows, scan.cells);
  }
}
