import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import { fromSystemError, invalidInput } from '../errors.js';

/**
 * Where everything lies. All paths are relative to the base folder, so that every worker may mount it elsewhere;
 * all of ours lie in `.obsmith`, except the outputs and `dataset.json` beside their splits.
 */
export const OBSMITH_FOLDER = '.obsmith';

/** Any text as one path component. */
const fileNameOf = (text: string): string =>
  encodeURIComponent(text).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));

const ours = (...parts: string[]): string => posix.join(OBSMITH_FOLDER, ...parts);

/** Identity of the base folder. */
export const baseIdFile = (): string => ours('id');

/** Address of the server that machines with the same base folder use. */
export const serverFile = (): string => ours('server.json');

export const plansFolder = (): string => ours('plans');
export const planFolder = (planId: string): string => ours('plans', planId);

export const scansFolder = (dataset: string): string => ours('scans', dataset);
/** `chunkName` is "split/stem". */
export const scanFile = (dataset: string, chunkName: string): string =>
  posix.join(scansFolder(dataset), `${chunkName}.json`);

/** What is prepared of the chunks of a data set. */
export const preparedFolder = (dataset: string): string => ours('prepared', dataset);
/** Tokens of a chunk for a method; `key` names what they were made from. */
export const tokensFile = (dataset: string, chunkName: string, method: string, key: string): string =>
  posix.join(preparedFolder(dataset), chunkName, `${method}-${key}.tokens`);

export const fitFolder = (fitId: string): string => ours('fits', fitId);
/** Gene statistics that the scan of a chunk made on its way; `key` names what they were made from. */
export const earlySumsFile = (dataset: string, planId: string, key: string): string =>
  posix.join(datasetStagingFolder(dataset), planId, 'sums', `${key}.sums`);
/** Partial sums of one fit round. */
export const roundFolder = (key: string): string => ours('rounds', key);
/** All that runs of a data set have staged; only the run that holds its lease works in it. */
export const datasetStagingFolder = (dataset: string): string => ours('staging', dataset);
export const stagingFolder = (dataset: string, planId: string, chunkName: string): string =>
  posix.join(datasetStagingFolder(dataset), planId, chunkName);
export const journalFolder = (planId: string): string => ours('journal', planId);
/** Logs of one run of a workflow; ids may hold any characters. */
export const runLogFolder = (workflowId: string, runId: string): string =>
  ours('runs', fileNameOf(workflowId), fileNameOf(runId));
/** Expression that is kept from one pass over a chunk for the next, in the chunk's staging folder. */
export const keptExpressionFile = (staging: string): string => posix.join(staging, 'expression.rows');
/** Where a data set is imported to before it appears below processed/. */
export const importFolder = (dataset: string): string => ours('imports', dataset);
export const leaseFile = (dataset: string): string => ours(`${dataset}.lease`);

/** `outputRoot` is the folder of the split folders: "processed_with_emb/train/pbmc". */
export const datasetFile = (outputRoot: string): string => posix.join(outputRoot, 'dataset.json');

/** Splits in the data set's order. */
export const SPLITS = ['train', 'val', 'all'] as const;

export const inputFolder = (split: boolean, dataset: string): string => posix.join('processed', tree(split), dataset);
export const outputFolder = (split: boolean, dataset: string): string =>
  posix.join('processed_with_emb', tree(split), dataset);
export const rawFile = (split: boolean, name: string): string => posix.join('raw', tree(split), `${name}.h5ad`);

/** Data sets with a train/val split lie below `train`, others below `test`. */
const tree = (split: boolean): string => (split ? 'train' : 'test');

/** True where `path` is `folder` or lies below it; both absolute, or both relative to one folder. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way));
}

/**
 * Absolute path of `path` (relative to `base`). Throws InvalidInput where it leaves the base folder, by its name or through
 * a symbolic link. What is not there yet is judged by the nearest folder above it that is.
 */
export async function resolveInside(base: string, path: string): Promise<string> {
  const absolute = resolve(base, path);
  if (!isInside(base, absolute)) throw leavesBase(base, path, absolute);
  const [realBase, real] = await Promise.all([realPathOf(base), realPathOf(absolute)]);
  if (!isInside(realBase, real)) throw leavesBase(base, path, real);
  return absolute;
}

/** Real path of the part that exists, with the rest appended. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw fromSystemError(error, path);
    return join(await realPathOf(parent), relative(parent, path));
  }
}

function leavesBase(base: string, path: string, target: string): Error {
  return invalidInput(
    `${path} leads to ${target}, outside of the base folder ${base}`,
    'Move or copy the data below the base folder; links must stay inside it, because each worker may mount it elsewhere.',
  );
}
