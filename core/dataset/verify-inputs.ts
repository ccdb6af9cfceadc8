import { openAnnData } from '../anndata/open.js';
import type { AnnData, MatrixPath } from '../anndata/types.js';
import { invalidInput, type ObsmithError, type Problem } from '../errors.js';
import { ENSEMBL_ID, readGeneIdsUnlessSymbols } from '../methods/gene-identity.js';
import type { TaskContext } from '../tasks/types.js';
import { collecting } from './collecting.js';
import { expressionSource } from './expression-source.js';
import type { InputRequirements } from './input-requirements.js';
import { type MatrixStatistics, type NonFinite, StatisticsPass } from './matrix-statistics.js';

export interface VerifiedInput {
  readonly name: string;
  readonly path: string;
  /** Null where the chunk cannot be opened. */
  readonly cells: number | null;
  readonly genes: number | null;
  /** Problems of this chunk; `where` is its name. */
  readonly problems: readonly Problem[];
  /** What is no problem but worth knowing, in words. */
  readonly notes: readonly string[];
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
  const notes: string[] = [];
  const opened = await collecting(problems, name, () => openAnnData(path));
  if (opened === null) return { name, path, cells: null, genes: null, problems, notes };
  try {
    problems.push(...sizeProblems(opened, name));
    await collecting(problems, name, async () => void problems.push(...(await duplicateGenes(opened, name))));
    await collecting(problems, name, async () => void notes.push(...(await checkIdentity(opened, requirements))));
    await collecting(
      problems,
      name,
      async () => void problems.push(...(await checkBatches(opened, name, requirements))),
    );
    if (opened.cells > 0 && opened.genes > 0) await checkMatrices(opened, name, requirements, problems, context);
    return { name, path, cells: opened.cells, genes: opened.genes, problems, notes };
  } finally {
    await opened.close();
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

async function duplicateGenes(chunk: AnnData, name: string): Promise<Problem[]> {
  const duplicates = duplicatesOf(await chunk.names('var'));
  if (duplicates.length === 0) return [];
  return [
    {
      message: `${chunk.path} has gene ids more than once in var (${duplicates.length}): ${shortList(duplicates)}`,
      remedy: 'Make them unique with adata.var_names_make_unique(), or sum the duplicates.',
      where: name,
    },
  ];
}

/** InvalidInput where the methods cannot tell which genes the columns are; notes on how they will. */
async function checkIdentity(chunk: AnnData, { ensembl }: InputRequirements): Promise<string[]> {
  if (ensembl === null || chunk.genes === 0) return [];
  const { source, values } = await readGeneIdsUnlessSymbols(chunk, chunk.path, ensembl.mapSymbols);
  const known = values.filter((id) => id !== null && ENSEMBL_ID.test(id)).length;
  if (known === 0) throw unknownGenes(chunk.path, await chunk.names('var'), ensembl.methods);
  if (source !== 'symbols') return [];
  return [
    `there are no Ensembl ids in the var index or var.ensembl_id: gene symbols are looked up in the bundled table, which knows ${known} of ${values.length}`,
  ];
}

function unknownGenes(path: string, names: readonly string[], methods: readonly string[]): ObsmithError {
  const asking = methods.includes('geneformer') ? 'Geneformer' : methods.join(', ');
  return invalidInput(
    `Missing ensembl_id for ${asking}: the var index of ${path} (${shortList(names)}) and var.ensembl_id have neither Ensembl ids nor gene symbols of the bundled table`,
    'Add Ensembl gene ids (ENSG...) as var index or as var.ensembl_id.',
  );
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
