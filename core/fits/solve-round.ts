import { invalidInput } from '../errors.js';
import type { PlannedMethod } from '../plan/types.js';
import type { TaskContext } from '../tasks/types.js';
import { noBatches } from './cell-batches.js';
import { saveFit } from './fit-store.js';
import { addedHeader, addGrams, openGram } from './gram.js';
import { chooseOverAllCells, chooseOverBatches, tooFewGenes } from './highly-variable.js';
import { fitIdOf, fitParameters, topGenesOf } from './identity.js';
import { topOf } from './merge-tree.js';
import { withPartials } from './partial-file.js';
import { principalComponents } from './principal-components.js';
import {
  folderOf,
  isFinished,
  isSolved,
  partialFile,
  type RoundTask,
  readChosenGenes,
  removeAll,
  writeChosenGenes,
} from './round-files.js';
import { addStatistics, openStatistics, type Statistics } from './statistics-partial.js';
import type { Fit } from './types.js';

/**
 * Ends a round for one method. Gene statistics: chooses the highly variable genes, which are hvg's fit and the genes of
 * pca's Gram matrix. Gram: the principal components, pca's fit. Sums that no method needs any more are removed.
 * InvalidInput where the data cannot give what was asked for. Repeating it does no harm.
 */
export async function solveRound(task: RoundTask, context: TaskContext): Promise<{ genes: number }> {
  const genes = task.round === 'gram' ? await solveGram(task, context) : await solveStatistics(task, context);
  if (await isFinished(task)) await removeAll([folderOf(task, task.round)]);
  return { genes };
}

async function solveStatistics(task: RoundTask, context: TaskContext): Promise<number> {
  const { loaded, method, resolved } = task;
  if (await isSolved(task, method)) return topGenesOf(method);
  return withPartials(topFiles(task), openStatistics, async (readers) => {
    const statistics = addStatistics(readers);
    const genes = await chooseGenes(statistics, method, context);
    if (method.fitRounds.includes('gram')) {
      await writeChosenGenes(folderOf(task, 'gram'), genes);
    } else {
      const { chunks, genes: all } = statistics.header;
      if (genes.length < method.dim) throw tooFewGenes(method.dim, genes.length, all.length);
      await saveFit(loaded.base, describe(task, chunks, resolved.leftOut, genes, {}));
    }
    return genes.length;
  });
}

/** Names of the highly variable genes, in the order of the first fitted chunk's var. */
async function chooseGenes(statistics: Statistics, method: PlannedMethod, context: TaskContext): Promise<string[]> {
  const { genes, batches, cellsPerBatch } = statistics.header;
  if (batches.length === 0) throw noBatches('The fitted chunks', method.batchKey!);
  const count = topGenesOf(method);
  const choice = method.batchKey === null ? chooseOverAllCells(genes.length, count) : chooseOverBatches(genes, count);
  const batchSums = new Float64Array(genes.length * 2);
  for (let batch = 0; batch < batches.length; batch++) {
    context.checkCancelled();
    await statistics.sumsOf(batch, batchSums);
    choice.add(batchSums, cellsPerBatch[batch]!);
    context.progress(batch + 1, batches.length);
  }
  return Array.from(choice.choose(), (gene) => genes[gene]!);
}

async function solveGram(task: RoundTask, context: TaskContext): Promise<number> {
  const { loaded, method, resolved } = task;
  if (await isSolved(task, method)) return topGenesOf(method);
  const genes = await readChosenGenes(folderOf(task, 'gram'));
  return withPartials(topFiles(task), openGram, async (readers) => {
    const { cells, chunks } = addedHeader(readers);
    const components = principalComponents(await addGrams(readers, context), cells, method.dim);
    await saveFit(loaded.base, describe(task, chunks, resolved.leftOut, genes, { ...components }));
    return genes.length;
  });
}

function describe(
  { method, resolved }: RoundTask,
  chunks: Fit['chunks'],
  leftOut: Fit['leftOut'],
  genes: string[],
  arrays: Fit['arrays'],
): Fit {
  const id = fitIdOf(method, chunks, leftOut);
  if (id !== resolved.fits[method.method]) {
    throw invalidInput(
      `A fitted chunk changed while the fit of ${method.method} was computed`,
      'Start the run again, and leave its input as it is while it runs.',
    );
  }
  const { algorithmVersion } = method;
  return {
    id,
    method: method.method,
    algorithmVersion,
    parameters: fitParameters(method),
    genes,
    chunks,
    leftOut,
    arrays,
  };
}

function topFiles(task: RoundTask): string[] {
  const folder = folderOf(task, task.round);
  return topOf(task.resolved.chunks.length).map((place) => partialFile(folder, place));
}
