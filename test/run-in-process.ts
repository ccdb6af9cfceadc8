import type { RunOutcome } from '../core/dataset/finalize.js';
import type { ChunkOutcome } from '../core/dataset/journal.js';
import { ObsmithError, withRemedy } from '../core/errors.js';
import { mergeTasks } from '../core/fits/merge-tree.js';
import type { Json } from '../core/methods/types.js';
import { loadPlan } from '../core/plan/load-plan.js';
import type { Refusal } from '../core/plan/open-chunk.js';
import type { PlanOverview, RunRequest, Wave } from '../core/plan/types.js';
import type { PrepareOutcome } from '../core/tasks/definitions.js';
import { type RunInline, runInline } from '../core/tasks/run-inline.js';
import { QUIET } from '../core/tasks/types.js';

/**
 * A whole run through the same tasks that activities call, one after the other and without a server: what bad-input and
 * parity tests and the profile drive. Failures are isolated as in the workflows; refusals of the run as a whole are thrown.
 */
export async function runInProcess(
  request: RunRequest,
  folder = process.cwd(),
  runTask: RunInline = runInline,
): Promise<RunOutcome & { overview: PlanOverview }> {
  const overview = await runTask('planRun', { request, folder }, QUIET);
  const location = { base: overview.base, plan: overview.plan };
  const fitFailures: Record<string, { type: string; message: string }> = {};
  await embedWave(runTask, overview, 'unfitted', fitFailures);
  const fitted = overview.methods.filter((method) => method.fitted).map(({ method }) => method);
  if (fitted.length > 0) {
    try {
      for (const { method, ...refusal } of await fit(runTask, overview)) fitFailures[method] = refusal;
    } catch (error) {
      for (const method of fitted) fitFailures[method] = summary(error);
    }
    await embedWave(runTask, overview, 'fitted', fitFailures);
  }
  return { ...(await runTask('finalize', { ...location, cancelled: false, fitFailures }, QUIET)), overview };
}

async function fit(runTask: RunInline, { base, plan }: PlanOverview): Promise<Refusal[]> {
  const location = { base, plan };
  const loaded = await loadPlan(location);
  for (const chunk of loaded.plan.fitChunks) {
    // A chunk that cannot be read is left to resolveFits; what is no ObsmithError is thrown.
    await runTask('scanChunk', { ...location, chunk }, QUIET).catch(summary);
  }
  const { rounds, refused } = await runTask('resolveFits', location, QUIET);
  for (const { round, methods, chunks, accumulated } of rounds) {
    const method = methods[0]!;
    for (let position = 0; position < chunks && !accumulated; position++) {
      await runTask('accumulateRound', { ...location, round, method, position }, QUIET);
    }
    for (const [above, merges] of mergeTasks(chunks).entries()) {
      for (let index = 0; index < merges; index++) {
        await runTask('mergeRound', { ...location, round, method, level: above + 1, index }, QUIET);
      }
    }
    for (const shared of methods) await runTask('solveRound', { ...location, round, method: shared }, QUIET);
  }
  return refused;
}

async function embedWave(
  runTask: RunInline,
  overview: PlanOverview,
  wave: Wave,
  fitFailures: Readonly<Record<string, unknown>>,
): Promise<void> {
  const methods = overview.methods
    .filter(({ method, fitted }) => fitted === (wave === 'fitted') && !(method in fitFailures))
    .map(({ method }) => method);
  if (methods.length === 0) return;
  for (let chunk = 0; chunk < overview.chunkCount; chunk++) await embedChunk(runTask, overview, chunk, wave, methods);
}

async function embedChunk(
  runTask: RunInline,
  overview: PlanOverview,
  chunk: number,
  wave: Wave,
  methods: string[],
): Promise<void> {
  const input = { base: overview.base, plan: overview.plan, chunk };
  const opened = await runTask('openChunk', { ...input, methods }, QUIET);
  const outcome: Record<string, ChunkOutcome[string]> = {};
  for (const method of opened.skipped) outcome[method] = { state: 'skipped', cells: opened.cells, seconds: 0 };
  for (const { method, ...error } of opened.refused)
    outcome[method] = { state: 'failed', cells: 0, seconds: 0, ...error };
  const isPrepared = new Set(overview.methods.filter(({ prepared }) => prepared).map(({ method }) => method));
  const staged = opened.needsInput ? runTask('stageInput', input, QUIET) : Promise.resolve();
  await staged.catch(() => {}); // Every method that waits for the copy fails with its error.
  for (const method of opened.todo) {
    const attempt = `test-${method}-1`;
    try {
      const prepared = isPrepared.has(method) ? await runTask('prepareChunk', { ...input, method }, QUIET) : null;
      if (prepared && overview.prepareOnly) {
        outcome[method] = preparedOutcome(prepared);
        continue;
      }
      const { cells, seconds, report } = await runTask('embedChunk', { ...input, method, attempt }, QUIET);
      await staged;
      await runTask('publishArray', { ...input, method, attempt }, QUIET);
      outcome[method] = { state: 'computed', cells, seconds, ...warningOf(report) };
    } catch (error) {
      outcome[method] = { state: 'failed', cells: 0, seconds: 0, ...summary(error) };
    }
  }
  await runTask('closeChunk', { ...input, wave, outcome }, QUIET);
}

function preparedOutcome({ computed, cells, seconds, report }: PrepareOutcome): ChunkOutcome[string] {
  return { state: computed ? 'computed' : 'skipped', cells, seconds, ...warningOf(report) };
}

const warningOf = ({ warning }: { readonly [name: string]: Json }): { warning?: string } =>
  typeof warning === 'string' ? { warning } : {};

function summary(error: unknown): { type: string; message: string } {
  if (!(error instanceof ObsmithError)) throw error;
  return { type: error.type, message: withRemedy(error) };
}
