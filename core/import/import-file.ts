import type { Taken } from '../anndata/parts/taken.js';
import type { TaskContext } from '../tasks/types.js';
import type { ChunkGenes, FileCells } from './chunk-writer.js';
import { type ChunkColumn, takeRows } from './columns.js';
import { selectRows } from './count-rows.js';
import { type EnsemblIds, findEnsemblIds } from './ensembl-ids.js';
import { filterCounts, type Kept } from './filter.js';
import type { ImportSettings } from './options.js';
import { type CountSurvey, findRawCounts } from './raw-counts.js';
import type { CarriedElement, CountCandidate, ImportSource } from './source.js';
import { assignAll, assignSplits } from './split-cells.js';
import { type SplitTarget, SplitWriter } from './split-writer.js';
import type { FileReport, ImportedChunk, ImportSplit } from './types.js';
import { makeUnique } from './unique-names.js';

/** Columns that import writes itself. */
const WRITTEN = ['n_counts', 'total_counts', 'sample_index'];
/** Columns of var that describe another matrix than the one the chunks hold; a method would take them for its own. */
const STALE_GENE_COLUMNS = /^(highly_variable(_.*)?|means|variances(_norm)?|dispersions(_norm)?)$/;

export interface FileImport {
  readonly source: ImportSource;
  /** Split that takes all cells; undefined: by the settings. */
  readonly split: ImportSplit | undefined;
  /** Value of the batch column. */
  readonly label: string;
  readonly settings: ImportSettings;
  readonly target: Omit<SplitTarget, 'split' | 'file'>;
}

/** Imports one opened file: a pass that finds the counts, a pass that writes (one more between where both filters act). */
export async function importFile(
  file: FileImport,
  ctx: TaskContext,
): Promise<{ report: FileReport; chunks: ImportedChunk[] }> {
  const { source, settings } = file;
  const half = (first: number): TaskContext => ({
    progress: (done, total) => ctx.progress(first * total + done, 2 * total),
    checkCancelled: () => ctx.checkCancelled(),
  });
  const survey = await findRawCounts(source, half(0));
  const kept = await filterCounts(source, survey, settings, ctx);
  const keptGenes: Taken = { of: kept.genes.length, positions: keptPositions(kept.genes) };
  const genes = await describeGenes(survey.candidate, keptGenes);
  const carried = await source.carry(survey.candidate, keptGenes, () => ctx.checkCancelled());
  const cells = await describeCells(file, kept, carried.elements);
  const writers = openWriters(file, kept, genes.chunkGenes, cells.fileCells);
  await writeCells(source, survey.candidate, kept, writers, half(1));

  const report: FileReport = {
    path: source.path,
    format: source.format,
    cells: { read: source.cells, kept: kept.cellCount },
    genes: { read: survey.candidate.genes, kept: kept.geneCount },
    counts: survey.candidate.element,
    rounded: survey.fractional,
    ensembl: genes.ensembl.report,
    carried: carried.elements.map(({ path }) => path),
    leftOut: [...genes.leftOut, ...carried.leftOut],
    notes: [...cells.notes, ...genes.notes, ...roundingNotes(survey)],
  };
  return { report, chunks: writers.flatMap(({ writer }) => writer.chunks) };
}

interface AssignedWriter {
  readonly writer: SplitWriter;
  readonly assignment: Int8Array;
  /** Value in the assignment that means this writer. */
  readonly code: number;
}

function openWriters(file: FileImport, kept: Kept, genes: ChunkGenes, cells: FileCells): AssignedWriter[] {
  const { settings, source } = file;
  const open = (split: ImportSplit): SplitWriter =>
    new SplitWriter({ ...file.target, split, file: source.path }, genes, cells);
  const whole = file.split ?? (settings.trainSplit === null ? 'all' : null);
  if (whole !== null) return [{ writer: open(whole), assignment: assignAll(kept.cells), code: 0 }];
  const assignment = assignSplits(kept.cells, settings.trainSplit!, settings.seed);
  return (['train', 'val'] as const).map((split, code) => ({ writer: open(split), assignment, code }));
}

async function writeCells(
  source: ImportSource,
  counts: CountCandidate,
  kept: Kept,
  writers: readonly AssignedWriter[],
  ctx: TaskContext,
): Promise<void> {
  const geneOf = positions(kept.genes);
  for await (const block of counts.rowBlocks()) {
    ctx.checkCancelled();
    for (const { writer, assignment, code } of writers)
      await writer.append(selectRows(block, assignment, code, geneOf));
    ctx.progress(block.start + block.rows, source.cells);
  }
  for (const { writer } of writers) await writer.finish();
}

/** Position of each kept item among the kept ones, -1 for the others. */
function positions(kept: Uint8Array): Int32Array {
  let next = 0;
  return Int32Array.from(kept, (flag) => (flag === 1 ? next++ : -1));
}

const keptPositions = (kept: Uint8Array): Int32Array =>
  Int32Array.from([...kept.keys()].filter((position) => kept[position] === 1));

async function describeGenes(counts: CountCandidate, { positions }: Taken) {
  const columns = await counts.geneColumns();
  const all = makeUnique(await counts.geneNames());
  const names = Array.from(positions, (gene) => all.names[gene]!);

  const stale = [...columns.keys()].filter((name) => STALE_GENE_COLUMNS.test(name));
  const carried = new Map<string, ChunkColumn>();
  for (const [name, column] of columns) if (!stale.includes(name)) carried.set(name, takeRows(column, positions));
  const ensembl = await findEnsemblIds(names, carried);
  carried.set('ensembl_id', { kind: 'strings', values: [...ensembl.ids] });

  const notes = all.renamed > 0 ? [`${all.renamed} repeated gene names got a suffix -1, -2...`] : [];
  return {
    chunkGenes: { names, columns: carried } satisfies ChunkGenes,
    ensembl,
    leftOut: stale.map((name) => ({ element: `var/${name}`, reason: 'describes the matrix before import' })),
    notes: [...notes, ...ensemblNotes(ensembl)],
  };
}

async function describeCells({ source, settings, label }: FileImport, kept: Kept, carried: readonly CarriedElement[]) {
  const columns = await source.cellColumns();
  const names = makeUnique(await source.cellNames());
  const replaced = WRITTEN.filter((name) => columns.has(name));
  const notes = replaced.length > 0 ? [`obs.${replaced.join(', obs.')} computed anew from the counts`] : [];
  if (names.renamed > 0) notes.push(`${names.renamed} repeated cell names got a suffix -1, -2...`);
  if (settings.batchKey !== null) {
    if (columns.has(settings.batchKey)) notes.push(`obs.${settings.batchKey} replaced by the file's name`);
    columns.set(settings.batchKey, {
      kind: 'categories',
      categories: [label],
      codes: new Int32Array(kept.cells.length),
    });
  }
  return { fileCells: { names: names.names, columns, carried } satisfies FileCells, notes };
}

function ensemblNotes({ ids, report }: EnsemblIds): string[] {
  if (report.source === 'none') {
    return [
      'no Ensembl id was found, neither as such nor by gene symbol: methods that identify genes (gs, gs10k, geneformer, pretrained pca) will refuse these chunks',
    ];
  }
  const foreign = ids.find((id) => id !== null && !id.startsWith('ENSG'));
  const notes = foreign
    ? [`Ensembl ids are not human (e.g. ${foreign}): methods with human gene lists will refuse these chunks`]
    : [];
  if (report.source === 'symbols' && report.mapped < report.missing) {
    notes.push(`only ${report.mapped} of ${ids.length} gene names are human gene symbols that the bundled table knows`);
  }
  return notes;
}

const roundingNotes = ({ fractional }: CountSurvey): string[] =>
  fractional > 0 ? [`${fractional} fractional counts were rounded`] : [];
