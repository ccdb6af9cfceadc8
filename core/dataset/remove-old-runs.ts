import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { obsmKeys } from '../anndata/obsm/inspect-arrays.js';
import { fitOfArray } from '../fits/array-fit.js';
import { type LoadedPlan, loadPlannedChunk } from '../plan/load-plan.js';
import {
  fitFolder,
  inputFolder,
  journalFolder,
  planFolder,
  plansFolder,
  roundFolder,
  runLogFolder,
  scansFolder,
} from './layout.js';
import { ERRORS_LOG, LOG_SECTIONS, RUN_LOG, SUMMARY_FILE } from './run-logs.js';
import { type PlanRecord, unusedPlans } from './unused-plans.js';

/** Folders of logs that are kept of each workflow id. */
const KEPT_LOGS = 20;

/**
 * Removes what is left of runs that are long over: plans and journals of this data set but for the newest, the fits and
 * partial sums that only those knew and no array stands on, scans of chunks that are gone, and logs of this workflow id
 * but for the newest. What Obsmith did not write there stays. For the end of a run, which holds the lease of the data set.
 */
export async function removeOldRuns(loaded: LoadedPlan): Promise<void> {
  await removeOldPlans(loaded);
  await removeLostScans(loaded);
  await removeOldLogs(loaded);
}

async function removeOldPlans(loaded: LoadedPlan): Promise<void> {
  const { base, plan } = loaded;
  const old = unusedPlans(await readPlans(base), plan);
  if (old.plans.length === 0) return;
  const used = old.fits.length > 0 ? await fitsOfArrays(loaded) : new Set();
  const folders = [
    ...old.fits.filter((fit) => !used.has(fit)).map(fitFolder),
    ...old.rounds.map(roundFolder),
    // Plans go last: they name the others, should this be interrupted.
    ...old.plans.map(journalFolder),
    ...old.plans.map(planFolder),
  ];
  for (const folder of folders) await rm(join(base, folder), { recursive: true, force: true });
}

const PLAN_ID = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;

/** Of all data sets of the base folder. */
async function readPlans(base: string): Promise<PlanRecord[]> {
  const plans: PlanRecord[] = [];
  for (const id of (await namesIn(join(base, plansFolder()))).filter((name) => PLAN_ID.test(name))) {
    const folder = join(base, planFolder(id));
    const plan = (await readJson(join(folder, 'plan.json'))) as { dataset: string } | null;
    if (plan === null) continue;
    const resolved = ((await readJson(join(folder, 'fits.json'))) ?? { fits: {}, rounds: {} }) as Resolved;
    plans.push({
      ...{ id, dataset: plan.dataset, fits: Object.values(resolved.fits) },
      rounds: Object.values(resolved.rounds).flatMap((rounds) => Object.values(rounds)),
    });
  }
  return plans;
}

interface Resolved {
  readonly fits: Readonly<Record<string, string>>;
  readonly rounds: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Fits that published arrays of the data set stand on. */
async function fitsOfArrays(loaded: LoadedPlan): Promise<Set<string>> {
  const fits = new Set<string>();
  for (let index = 0; index < loaded.plan.datasetChunkCount; index++) {
    const { output } = await loadPlannedChunk(loaded, index);
    const store = join(loaded.base, output);
    for (const key of await obsmKeys(store)) {
      const found = await fitOfArray(store, key);
      if (found !== null) fits.add(found.fit);
    }
  }
  return fits;
}

/** Of chunks that neither the plan nor the data set's folders have. */
async function removeLostScans(loaded: LoadedPlan): Promise<void> {
  const { base, plan } = loaded;
  const root = join(base, scansFolder(plan.dataset));
  const planned = new Set<string>();
  for (let index = 0; index < plan.datasetChunkCount; index++)
    planned.add((await loadPlannedChunk(loaded, index)).name);
  for (const split of await namesIn(root)) {
    for (const file of await namesIn(join(root, split))) {
      const chunk = join(split, basename(file, '.json'));
      if (!file.endsWith('.json') || planned.has(chunk) || (await isInput(base, plan.dataset, chunk))) continue;
      await rm(join(root, split, file), { force: true });
    }
  }
}

async function isInput(base: string, dataset: string, chunk: string): Promise<boolean> {
  for (const divided of [true, false]) {
    for (const ending of ['.zarr', '.h5ad'])
      if ((await modified(join(base, inputFolder(divided, dataset), `${chunk}${ending}`))) !== null) return true;
  }
  return false;
}

/** Only below `.obsmith`: a folder that people named is theirs. */
async function removeOldLogs({ base, plan: { run } }: LoadedPlan): Promise<void> {
  if (run === null || run.logs !== runLogFolder(run.workflowId, run.runId)) return;
  const own = join(base, run.logs);
  const others: { folder: string; time: number }[] = [];
  for (const name of await namesIn(dirname(own))) {
    const folder = join(dirname(own), name);
    const time = folder === own ? null : await modified(folder);
    if (time !== null) others.push({ folder, time });
  }
  others.sort((a, b) => b.time - a.time || (a.folder < b.folder ? 1 : -1));
  for (const { folder } of others.slice(KEPT_LOGS - 1)) await removeLogs(folder);
}

async function removeLogs(folder: string): Promise<void> {
  for (const name of [...LOG_SECTIONS, RUN_LOG, ERRORS_LOG, SUMMARY_FILE])
    await rm(join(folder, name), { recursive: true, force: true });
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'ENOTDIR') throw error;
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** When it was last changed, or null where there is nothing. */
async function modified(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code));
