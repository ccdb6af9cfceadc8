import type { RowBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';
import type { CountCandidate, ImportSource } from './source.js';

/** Raw counts have no value below this. */
const MIN_VALUE = -1e-6;
/** A value this close to a whole number is one. */
const INTEGER_TOLERANCE = 1e-6;
/** Values of the whole matrix, zeros included, that may be fractional. */
const MAX_FRACTIONAL = 0.01;
/** Of the values that are not zero, so that very sparse normalised data does not pass for counts. */
const MAX_FRACTIONAL_NONZERO = 0.5;
const MAX_COUNT = 2 ** 31 - 1;

/** What one pass over a count matrix found. */
export interface CountSurvey {
  readonly candidate: CountCandidate;
  /** Columns that are genes. */
  readonly isGene: Uint8Array;
  /** Cells in which a gene is above zero. */
  readonly cellsPerGene: Int32Array;
  /** Genes above zero in a cell. */
  readonly genesPerCell: Int32Array;
  /** Fractional values, which are rounded. */
  readonly fractional: number;
}

/**
 * Finds the raw counts of an input: the first of its candidates without values below -1e-6 and with at most 1 % of
 * fractional values (of all values, zeros included), and at most half of those that are not zero.
 * InvalidInput says of each candidate why it is none; scaled data (negative values) is called by its name.
 */
export async function findRawCounts(source: ImportSource, ctx: TaskContext): Promise<CountSurvey> {
  const rejected: string[] = [];
  for (const candidate of source.candidates) {
    const survey = await surveyCounts(source, candidate, ctx);
    if (typeof survey !== 'string') return survey;
    rejected.push(`${candidate.element}: ${survey}`);
  }
  throw invalidInput(
    `No raw counts found in ${source.path}: ${rejected.join('; ') || 'it has no X, no raw.X and no layer "counts"'}`,
    'Give the file that still has the raw counts, or name the layer that holds them (--count-layer NAME).',
  );
}

/** Survey of one candidate, or the reason why it holds no raw counts. Stops at the first value that decides. */
async function surveyCounts(
  source: ImportSource,
  candidate: CountCandidate,
  ctx: TaskContext,
): Promise<CountSurvey | string> {
  const notGenes = await candidate.notGenes();
  const isGene = new Uint8Array(candidate.genes).fill(1);
  notGenes?.forEach((flag, column) => {
    if (flag === 1) isGene[column] = 0;
  });
  const cellsPerGene = new Int32Array(candidate.genes);
  const genesPerCell = new Int32Array(source.cells);
  const allowed = MAX_FRACTIONAL * source.cells * candidate.genes;
  let fractional = 0;
  let nonzero = 0;

  for await (const block of candidate.rowBlocks()) {
    ctx.checkCancelled();
    const { values } = block;
    for (let row = 0; row < block.rows; row += 1) {
      const [start, end] = valuesOfRow(block, row);
      for (let at = start; at < end; at += 1) {
        const value = values[at]!;
        if (value === 0) continue;
        const column = block.kind === 'sparse' ? block.indices[at]! : at - start;
        if (isGene[column] === 0) continue;
        if (!(value >= MIN_VALUE) || value > MAX_COUNT) return refusal(value, block.start + row, column);
        nonzero += 1;
        if (Math.abs(value - Math.round(value)) > INTEGER_TOLERANCE) fractional += 1;
        if (Math.round(value) === 0) continue;
        cellsPerGene[column]! += 1;
        genesPerCell[block.start + row]! += 1;
      }
    }
    if (fractional > allowed) return 'more than 1 % of its values are fractional, so it is normalised or transformed';
    ctx.progress(block.start + block.rows, source.cells);
  }
  if (fractional > MAX_FRACTIONAL_NONZERO * nonzero)
    return 'most of its values above zero are fractional, so it is normalised or transformed';
  return { candidate, isGene, cellsPerGene, genesPerCell, fractional };
}

function refusal(value: number, row: number, column: number): string {
  const where = `at cell ${row}, column ${column}`;
  if (Number.isNaN(value)) return `NaN ${where}`;
  if (value > MAX_COUNT) return `${value} ${where} is beyond a 32-bit count`;
  return `negative value ${value} ${where}, so it is scaled or centred data`;
}

/** Positions [start, end) of a row's values. */
export function valuesOfRow(block: RowBlock, row: number): [number, number] {
  if (block.kind === 'dense') return [row * block.columns, (row + 1) * block.columns];
  return [block.indptr[row]!, block.indptr[row + 1]!];
}

/** Genes above zero per cell, among `kept` columns only: one more pass. */
export async function countKeptGenes(
  source: ImportSource,
  candidate: CountCandidate,
  kept: Uint8Array,
  ctx: TaskContext,
): Promise<Int32Array> {
  const genesPerCell = new Int32Array(source.cells);
  for await (const block of candidate.rowBlocks()) {
    ctx.checkCancelled();
    for (let row = 0; row < block.rows; row += 1) {
      const [start, end] = valuesOfRow(block, row);
      for (let at = start; at < end; at += 1) {
        const column = block.kind === 'sparse' ? block.indices[at]! : at - start;
        if (kept[column] === 1 && Math.round(block.values[at]!) > 0) genesPerCell[block.start + row]! += 1;
      }
    }
  }
  return genesPerCell;
}
