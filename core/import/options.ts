import { basename } from 'node:path';
import { invalidConfig, type Problem } from '../errors.js';
import type { ImportFile, ImportOptions } from './types.js';

const DEFAULTS = {
  chunkCells: 50_000,
  minGenes: 0,
  minCells: 0,
  trainSplit: 0.9,
  seed: 42,
  countLayerKey: null,
  batchKey: null,
  overwrite: false,
} as const;

export type ImportSettings = Required<ImportOptions> & {
  /** True: train and val, below processed/train; false: all, below processed/test. */
  readonly divided: boolean;
};

/** The options with defaults; InvalidConfig with everything that is wrong with them. */
export function importSettings(options: ImportOptions): ImportSettings {
  const settings = { ...DEFAULTS, ...options };
  const problems = [...numberProblems(settings), ...fileProblems(settings.files, settings.trainSplit)];
  if (!/^[\w][\w.-]*$/.test(settings.dataset)) {
    problems.push(
      problem(
        'dataset',
        `Name "${settings.dataset}" cannot be a folder`,
        'Use letters, digits, "-", "_" and "."; begin with a letter or digit.',
      ),
    );
  }
  if (problems.length > 0) {
    const message = problems.length === 1 ? problems[0]!.message : `${problems.length} import options are wrong`;
    throw invalidConfig(message, problems[0]!.remedy, problems);
  }
  return { ...settings, divided: isDivided(settings.files, settings.trainSplit) };
}

const isDivided = (files: readonly ImportFile[], trainSplit: number | null): boolean =>
  files.some(({ split }) => (split ?? (trainSplit === null ? 'all' : 'train')) !== 'all');

function numberProblems({ chunkCells, minGenes, minCells, trainSplit, seed }: Required<ImportOptions>): Problem[] {
  const problems: Problem[] = [];
  const whole = (name: string, value: number, least: number): void => {
    if (Number.isSafeInteger(value) && value >= least) return;
    problems.push(
      problem(name, `expected a whole number from ${least}, found ${value}`, `Give a whole number from ${least}.`),
    );
  };
  whole('chunk size', chunkCells, 1);
  whole('min genes', minGenes, 0);
  whole('min cells', minCells, 0);
  whole('seed', seed, 0);
  if (trainSplit !== null && !(trainSplit > 0 && trainSplit < 1)) {
    problems.push(
      problem(
        'train split',
        `expected a fraction above 0 and below 1, found ${trainSplit}`,
        'Give e.g. 0.9, or switch the split off.',
      ),
    );
  }
  return problems;
}

function fileProblems(files: readonly ImportFile[], trainSplit: number | null): Problem[] {
  if (files.length === 0)
    return [problem('files', 'No input file was given', 'Name at least one .h5ad, 10x .h5 or 10x folder.')];
  const problems: Problem[] = [];
  const paths = files.map(({ path }) => path);
  for (const path of new Set(paths.filter((path, at) => paths.indexOf(path) !== at))) {
    problems.push(problem(path, `${path} is given twice`, 'Name each input file once.'));
  }
  const splits = new Set(files.map(({ split }) => split ?? (trainSplit === null ? 'all' : 'train')));
  if (splits.has('all') && splits.size > 1) {
    problems.push(
      problem(
        'files',
        'Some files go to split "all", others to train or val: a data set has one or the other',
        'Give every file a split of train or val, or none of them.',
      ),
    );
  }
  return problems;
}

const problem = (where: string, message: string, remedy: string): Problem => ({ where, message, remedy });

/** Names that tell the files apart: without folder and ending where that is enough, else as given. */
export function fileLabels(paths: readonly string[]): string[] {
  const short = paths.map((path) => basename(path).replace(/\.(h5ad|h5|zarr|tar|tgz|tar\.gz)$/i, ''));
  return short.map((label, at) => (short.filter((other) => other === label).length > 1 ? paths[at]! : label));
}
