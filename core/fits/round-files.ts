import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import { roundFolder } from '../dataset/layout.js';
import { fromSystemError } from '../errors.js';
import type { LoadedPlan } from '../plan/load-plan.js';
import type { PlannedMethod } from '../plan/types.js';
import { fitExists } from './fit-store.js';
import { ancestorsOf, type Place } from './merge-tree.js';
import type { ResolvedFits } from './resolve-fits.js';
import type { FitRound } from './types.js';

/** One round of a fit, as its tasks are given it. */
export interface RoundTask {
  readonly loaded: LoadedPlan;
  readonly round: FitRound;
  /** One of the methods that share the round. */
  readonly method: PlannedMethod;
  readonly resolved: ResolvedFits;
}

/** Absolute folder of a round's partials. */
export function folderOf({ loaded, resolved, method }: Omit<RoundTask, 'round'>, round: FitRound): string {
  return join(loaded.base, roundFolder(resolved.rounds[method.method]![round]!));
}

export const partialFile = (folder: string, { level, index }: Place): string =>
  join(folder, `level-${level}`, `${index}.sums`);

/** True where a partial needs no computing: it is there, or was already merged into one that is. */
export async function isDone(folder: string, place: Place, partials: number): Promise<boolean> {
  for (const candidate of [place, ...ancestorsOf(place, partials)]) {
    if (await exists(partialFile(folder, candidate))) return true;
  }
  return false;
}

/** True where a method needs nothing more of the round: it has its fit, or the genes that its next round is about. */
export async function isSolved(task: RoundTask, method: PlannedMethod): Promise<boolean> {
  if (await fitExists(task.loaded.base, task.resolved.fits[method.method]!)) return true;
  const goesOn = task.round === 'gene-statistics' && method.fitRounds.includes('gram');
  return goesOn && exists(chosenGenesFile(folderOf({ ...task, method }, 'gram')));
}

/** True where none of the methods that share the round needs it any more, so that its sums are gone. */
export async function isFinished(task: RoundTask): Promise<boolean> {
  const key = task.resolved.rounds[task.method.method]![task.round];
  for (const method of task.loaded.plan.methods) {
    if (task.resolved.rounds[method.method]?.[task.round] === key && !(await isSolved(task, method))) return false;
  }
  return true;
}

/** Genes that the Gram matrix is made of; they lie beside its partials. */
export async function writeChosenGenes(folder: string, genes: readonly string[]): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(chosenGenesFile(folder), JSON.stringify(genes));
  } catch (error) {
    throw fromSystemError(error, folder);
  }
}

export async function readChosenGenes(folder: string): Promise<string[]> {
  const file = chosenGenesFile(folder);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as string[];
  } catch (error) {
    throw fromSystemError(error, file);
  }
}

const chosenGenesFile = (folder: string): string => join(folder, 'genes.json');

export async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      throw fromSystemError(error, path);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fromSystemError(error, path);
  }
}
