import { openAnnData } from '../anndata/open.js';
import type { AnnData, MatrixPath } from '../anndata/types.js';
import { isObsmithError, type Problem } from '../errors.js';
import { ENSEMBL_ID } from '../methods/gene-identity.js';
import type { TaskContext } from '../tasks/types.js';
import { expressionSource } from './expression-source.js';
import { type MatrixStatistics, type NonFinite, StatisticsPass } from './matrix-statistics.js';

/** What the configured methods need beside expression. */
export interface InputRequirements {
  /** Raw counts in layers/counts. */
  readonly counts: boolean;
  /** Ensembl ids of genes. */
  readonly ensembl: boolean;
  /** obs column that holds batches. */
  readonly batchKey: string | null;
}

export interface VerifiedInput {
  readonly name: string;
  readonly path: string;
  /** Null where the chunk cannot be opened. */
  readonly cells: number | null;
  readonly genes: number | null;
  /** Problems of this chunk; `where` is its name. */
  readonly problems: readonly Problem[];
}

/**
 * Checks every chunk: that it opens, has cells and genes, finite values, expression or counts, what `requirements` names,
 * and no duplicate gene ids. All problems of all chunks are returned; only cancellation and a store that is out of
 * reach for now throw. Matrices are streamed. Progress is in chunks.
 */
export async function verifyInputs(
  chunks: readonly { readonly name: string; readonly path: string }[],
  requirements: InputRequirements,
  context: TaskContext,
): Promise<VerifiedInput[]> {
  const verified: VerifiedInput[] = [];
  for (const chunk of chunks) {
    context.checkCancelled();
    verified.push(await verifyChunk(chunk.name, chunk.path, requirements, context));
    context.progress(verified.length, chunks.length);
  }
  return verified;
}

async function verifyChunk(
  name: string,
  path: string,
  requirements: InputRequirements,
  context: TaskContext,
): Promise<VerifiedInput> {
  const problems: Problem[] = [];
  const opened = await collecting(problems, name, () => openAnnData(path));
  if (opened === null) return { name, path, cells: null, genes: null, problems };
  try {
    problems.push(...sizeProblems(opened, name));
    for (const check of [checkGenes, checkBatches]) {
      await collecting(problems, name, async () => void problems.push(...(await check(opened, name, requirements))));
    }
    if (opened.cells > 0 && opened.genes > 0) await checkMatrices(opened, name, requirements, problems, context);
    return { name, path, cells: opened.cells, genes: opened.genes, problems };
  } finally {
    await opened.close();
  }
}

/** Runs a check; a refusal of the input becomes a problem of the chunk. */
async function collecting<T>(problems: Problem[], name: string, run: () => Promise<T>): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    problems.push({ message: error.message, remedy: error.remedy, where: name });
    return null;
  }
}

function sizeProblems(chunk: AnnData, name: string): Problem[] {
  const empty = [
    ...(chunk.cells === 0 ? ['cells (obs is empty)'] : []),
    ...(chunk.genes === 0 ? ['genes (var is empty)'] : []),
  ];
  return empty.map((what) => ({
    message: `${chunk.path} has no ${what}`,
    remedy: 'Remove the chunk, or write it anew with its data.',
    where: name,
  }));
}

async function checkGenes(chunk: AnnData, name: string, { ensembl }: InputRequirements): Promise<Problem[]> {
  const names = await chunk.names('var');
  const problems: Problem[] = [];
  const duplicates = duplicatesOf(names);
  if (duplicates.length > 0) {
    problems.push({
      message: `${chunk.path} has ${duplicates.length} gene ids more than once in var: ${shortList(duplicates)}`,
      remedy: 'Make them unique with adata.var_names_make_unique(), or sum the duplicates.',
      where: name,
    });
  }
  if (ensembl && !(await hasEnsemblIds(chunk, names))) {
    problems.push({
      message: `Missing ensembl_id for Geneformer: ${chunk.path} has no Ensembl ids in var.ensembl_id or the var index`,
      remedy:
        'Add the column ensembl_id to var, or import the raw file with: obsmith import FILE, which maps gene symbols.',
      where: name,
    });
  }
  return problems;
}

async function hasEnsemblIds(chunk: AnnData, names: readonly string[]): Promise<boolean> {
  if (names.some((id) => ENSEMBL_ID.test(id))) return true;
  if (!(await chunk.keys('var')).includes('ensembl_id')) return false;
  const column = await chunk.column('var', 'ensembl_id');
  const ids = column.kind === 'categories' ? column.categories : column.kind === 'strings' ? column.values : [];
  return ids.some((id) => id !== null && ENSEMBL_ID.test(id));
}

async function checkBatches(chunk: AnnData, name: string, { batchKey }: InputRequirements): Promise<Problem[]> {
  if (batchKey === null) return [];
  const columns = await chunk.keys('obs');
  if (columns.includes(batchKey)) return [];
  return [
    {
      message: `${chunk.path} has no obs column ${JSON.stringify(batchKey)} (batch_key); there are: ${columns.join(', ') || 'none'}`,
      remedy: 'Set batch_key to a column that every chunk has, or add the column.',
      where: name,
    },
  ];
}

async function checkMatrices(
  chunk: AnnData,
  name: string,
  requirements: InputRequirements,
  problems: Problem[],
  context: TaskContext,
): Promise<void> {
  const pass = (path: MatrixPath) => collecting(problems, name, () => passOver(chunk, path, name, problems, context));
  const hasX = (await chunk.matrix('X')) !== null;
  const hasCounts = (await chunk.matrix('layers/counts')) !== null;
  const x = hasX ? await pass('X') : null;
  if (x !== null || !hasX) await collecting(problems, name, async () => expressionSource(x, hasCounts, name));
  if (!hasCounts) {
    if (requirements.counts) problems.push(await missingCounts(chunk, name));
    return;
  }
  const counts = await pass('layers/counts');
  if (counts !== null && (counts.nonIntegers > 0 || counts.min < 0)) {
    problems.push({
      message:
        `layers/counts of ${chunk.path} holds no counts: ` +
        (counts.min < 0 ? `its minimum is ${counts.min}` : `${counts.nonIntegers} values are no integers`),
      remedy: 'Store the raw counts in layers/counts, as they came from alignment.',
      where: name,
    });
  }
}

/** Statistics of a matrix, or null (and a problem) where it holds NaN or infinity. */
async function passOver(
  chunk: AnnData,
  path: MatrixPath,
  name: string,
  problems: Problem[],
  context: TaskContext,
): Promise<MatrixStatistics | null> {
  const pass = new StatisticsPass();
  for await (const block of chunk.rowBlocks(path)) {
    context.checkCancelled();
    const nonFinite = pass.add(block);
    if (nonFinite === null) continue;
    problems.push(await nonFiniteProblem(chunk, path, name, nonFinite));
    return null;
  }
  return pass.finish();
}

async function nonFiniteProblem(
  chunk: AnnData,
  path: MatrixPath,
  name: string,
  { row, column, value }: NonFinite,
): Promise<Problem> {
  const cell = (await chunk.names('obs'))[row];
  const gene = (await chunk.names('var'))[column];
  return {
    message: `${path} of ${chunk.path} holds ${value} at row ${row}, column ${column} (cell ${JSON.stringify(cell)}, gene ${JSON.stringify(gene)}); finite values were expected`,
    remedy: 'Remove or impute such values before embedding.',
    where: name,
  };
}

async function missingCounts(chunk: AnnData, name: string): Promise<Problem> {
  const layers = await chunk.keys('layers');
  return {
    message: `${chunk.path} has no layers/counts; layers: ${layers.join(', ') || 'none'}`,
    remedy: 'Store raw counts in layers/counts, or import the raw file with: obsmith import FILE.',
    where: name,
  };
}

function duplicatesOf(names: readonly string[]): string[] {
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  for (const name of names) (seen.has(name) ? duplicates : seen).add(name);
  return [...duplicates];
}

/** The first five, quoted. */
function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name));
  return names.length > 5 ? `${shown.join(', ')}...` : shown.join(', ');
}
