import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openAnnData } from '../anndata/open.js';
import { boundedBlockRows } from '../anndata/sparse-row-blocks.js';
import { type AnnData, READ_ROWS, type RowBlock } from '../anndata/types.js';
import { writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import { deniedIn, fromSystemError, invalidInput, isObsmithError } from '../errors.js';
import { geneNamesProblem } from '../fits/gene-names.js';
import type { ChunkSummary } from '../methods/types.js';
import type { TaskContext } from '../tasks/types.js';
import { expressionSource } from './expression-source.js';
import { scanFile } from './layout.js';
import { type MatrixStatistics, type NonFinite, StatisticsPass } from './matrix-statistics.js';
import { readSummary } from './summary.js';
import type { ChunkReference, ChunkScan } from './types.js';

/** Raised whenever the rules of a scan change; older sidecars are then made anew. */
const SCAN_VERSION = 2;

/** Fingerprint of no files: a permission that was denied comes back without a trace in them, so such a scan is made anew. */
const NEVER = '';

interface Sidecar extends ChunkScan {
  readonly version: number;
}

export interface ScanRequest {
  readonly base: string;
  readonly dataset: string;
  readonly chunk: Pick<ChunkReference, 'name' | 'input'>;
  /** Elements to digest, e.g. ["X", "var/_index", "obs/batch"]. X asks for expression: counts that it is made from are added. */
  readonly elements: readonly string[];
  /** Those of them by which fits match genes across chunks: whether that can be done is looked at. */
  readonly geneNames?: readonly string[];
  /** Asked where the scan has to read X, for who else needs all of it. */
  readonly observe?: (input: AnnData) => Promise<MatrixObserver | null>;
}

/** Sees all of X while a scan reads it, so that X need not be read again. */
export interface MatrixObserver {
  /** Blocks in row order, of READ_ROWS rows (dense ones: or a divisor); all values are finite. */
  add(block: RowBlock): void;
  /** The scan is complete, and tells whether expression comes from X as it is. */
  finish(scan: ChunkScan): Promise<void>;
}

/**
 * What a chunk holds: each element is digested, and where X is among them, one streaming pass over it decides where
 * expression comes from. NaN or infinity in X (naming cell and gene), scaled X, and a chunk without expression are found
 * then, and are the business of methods that read expression only. The result is kept beside the data set; while size and
 * modification times of the files hold, only they are looked at.
 */
export async function scanChunk(
  { base, dataset, chunk, elements, geneNames = [], observe }: ScanRequest,
  context: TaskContext,
): Promise<ChunkScan> {
  const file = join(base, scanFile(dataset, chunk.name));
  const input = await openAnnData(join(base, chunk.input));
  try {
    const summary = await readSummary(input, chunk.name);
    const known = await believable(await readSidecar(file), input, summary);
    const unknownNames = geneNames.filter((element) => elements.includes(element) && !(element in namesIn(known)));
    if (known && !lacks(known, elements) && unknownNames.length === 0) return { ...known, ...summary };
    const digests: Record<string, string> = { ...known?.digests };
    // Taken before anything is read: a file that changes meanwhile makes the next scan start anew.
    const fingerprint = await input.fingerprint(covered(summary, [...Object.keys(digests), ...elements]));
    const decided = known && isDecided(known) ? expressionOf(known) : null;
    const asked = decided === null && elements.includes('X');
    const observer = asked && observe ? await observe(input) : null;
    const { denied = false, ...found } = asked
      ? await findExpression(input, summary, observer, context)
      : (decided ?? { expression: null });
    for (const element of undigested(elements, { ...summary, ...found, digests })) {
      context.checkCancelled();
      digests[element] = await input.digest(element);
    }
    const names = { ...namesIn(known) };
    for (const element of unknownNames) names[element] = await geneNamesProblem(input, summary.name, element);
    const believed = denied ? NEVER : fingerprint;
    const scan: ChunkScan = { ...summary, fingerprint: believed, digests, ...found, geneNames: names };
    await observer?.finish(scan);
    await writeSidecar(file, scan);
    return scan;
  } finally {
    await input.close();
  }
}

/** The kept scan, where its files are still the same and it has every element; null where `scanChunk` would have to work. Changes nothing. */
export async function freshScan({ base, dataset, chunk, elements }: ScanRequest): Promise<ChunkScan | null> {
  const kept = await readScan(base, dataset, chunk.name);
  if (!kept) return null;
  const input = await openAnnData(join(base, chunk.input));
  try {
    const summary = await readSummary(input, chunk.name);
    const known = await believable(kept, input, summary);
    if (!known || lacks(known, elements)) return null;
    return { ...known, ...summary };
  } finally {
    await input.close();
  }
}

/** The kept scan of a chunk as it was last found, or null where it was never scanned. */
export async function readScan(base: string, dataset: string, chunkName: string): Promise<ChunkScan | null> {
  return readSidecar(join(base, scanFile(dataset, chunkName)));
}

/** The kept scan where the files behind it are still the same. */
async function believable(known: ChunkScan | null, input: AnnData, summary: ChunkSummary): Promise<ChunkScan | null> {
  if (!known) return null;
  if (known.hasX !== summary.hasX || hasCounts(known) !== hasCounts(summary)) return null;
  const fingerprint = await input.fingerprint(covered(summary, Object.keys(known.digests)));
  return fingerprint === known.fingerprint ? known : null;
}

const namesIn = (known: ChunkScan | null): NonNullable<ChunkScan['geneNames']> => known?.geneNames ?? {};

const hasCounts = (summary: ChunkSummary): boolean => summary.layers.includes('counts');

/** The digested elements, and all that expression may come from; X is asked for where there are only counts, too. */
function covered(summary: ChunkSummary, elements: readonly string[]): string[] {
  const sources = [...(summary.hasX ? ['X'] : []), ...(hasCounts(summary) ? ['layers/counts'] : [])];
  return [...new Set([...elements.filter((element) => element !== 'X'), ...sources])].sort();
}

/** Whether a scan does not know yet what is asked. */
const lacks = (scan: ChunkScan, elements: readonly string[]): boolean =>
  (elements.includes('X') && !isDecided(scan)) || undigested(elements, scan).length > 0;

const isDecided = ({ expression, noExpression }: Expression): boolean =>
  expression !== null || noExpression !== undefined;

/** Elements without a digest yet. Expression that is made from counts depends on them, too. */
function undigested(
  elements: readonly string[],
  { hasX, expression, digests }: Pick<ChunkScan, 'hasX' | 'expression' | 'digests'>,
): string[] {
  const all = new Set(elements);
  if (expression === 'layers/counts' && all.has('X')) all.add('layers/counts');
  if (!hasX || expression === null) all.delete('X');
  return [...all].filter((element) => !(element in digests));
}

type Expression = Pick<ChunkScan, 'expression' | 'noExpression'> & {
  /** True where X could not be read for want of a permission. */
  readonly denied?: boolean;
};

const expressionOf = ({ expression, noExpression }: ChunkScan): Expression =>
  noExpression ? { expression, noExpression } : { expression };

async function findExpression(
  input: AnnData,
  summary: ChunkSummary,
  observer: MatrixObserver | null,
  context: TaskContext,
): Promise<Expression> {
  try {
    const statistics = summary.hasX ? await passOverX(input, summary, observer, context) : null;
    return { expression: expressionSource(statistics, hasCounts(summary), summary.name) };
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    const noExpression = { message: error.message, remedy: error.remedy };
    return { expression: null, noExpression, denied: deniedIn(error) !== null };
  }
}

async function passOverX(
  input: AnnData,
  summary: ChunkSummary,
  observer: MatrixObserver | null,
  context: TaskContext,
): Promise<MatrixStatistics> {
  const pass = new StatisticsPass();
  const blockRows = boundedBlockRows(await input.matrix('X'), READ_ROWS);
  for await (const block of input.rowBlocks('X', { blockRows })) {
    context.checkCancelled();
    const nonFinite = pass.add(block);
    if (nonFinite) throw await nonFiniteError(input, summary.name, nonFinite);
    observer?.add(block);
    context.progress(block.start + block.rows, summary.cells);
  }
  return pass.finish();
}

async function nonFiniteError(input: AnnData, name: string, { row, column, value }: NonFinite) {
  const [cells, genes] = await Promise.all([input.names('obs'), input.names('var')]);
  return invalidInput(
    `X of ${name} holds ${Number.isNaN(value) ? 'NaN' : value} at row ${row}, column ${column} (cell "${cells[row]}", gene "${genes[column]}"); finite values were expected`,
    'Remove or impute such values before embedding; other chunks are not affected.',
  );
}

async function readSidecar(file: string): Promise<ChunkScan | null> {
  try {
    const { version, ...scan } = JSON.parse(await readFile(file, 'utf8')) as Sidecar;
    return version === SCAN_VERSION ? scan : null;
  } catch (error) {
    // A cache that was never written, or not whole, is made anew.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, file);
  }
}

async function writeSidecar(file: string, scan: ChunkScan): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, JSON.stringify({ version: SCAN_VERSION, ...scan } satisfies Sidecar));
  } catch (error) {
    throw fromSystemError(error, file);
  }
}
