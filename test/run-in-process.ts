import type { RunOutcome } from '../core/dataset/finalize.js';
import type { ChunkOutcome } from '../core/dataset/journal.js';
import { ObsmithError, withRemedy } from '../core/errors.js';
import { mergeTasks } from '../core/fits/merge-tree.js';
import { loadPlan } from '../core/plan/load-plan.js';
import type { PlanOverview, RunRequest, Wave } from '../core/plan/types.js';
import { runInline } from '../core/tasks/run-inline.js';
import { QUIET } from '../core/tasks/types.js';

/**
 * A whole run through the same tasks that activities call, one after the other and without a server: what bad-input and
 * parity tests drive. Failures are isolated as in the workflows; refusals of the run as a whole are thrown.
 */
export async function runInProcess(
  request: RunRequest,
  folder = process.cwd(),
): Promise<RunOutcome & { overview: PlanOverview }> {
  const overview = await runInline('planRun', { request, folder }, QUIET);
  const location = { base: overview.base, plan: overview.plan };
  const fitFailures: Record<string, { type: string; message: string }> = {};
  await embedWave(overview, 'unfitted', fitFailures);
  const fitted = overview.methods.filter((method) => method.fitted).map(({ method }) => method);
  if (fitted.length > 0) {
    try {
      await fit(overview);
    } catch (error) {
      for (const method of fitted) fitFailures[method] = summary(error);
    }
    await embedWave(overview, 'fitted', fitFailures);
  }
  return { ...(await runInline('finalize', { ...location, cancelled: false, fitFailures }, QUIET)), overview };
}

async function fit({ base, plan }: PlanOverview): Promise<void> {
  const location = { base, plan };
  const loaded = await loadPlan(location);
  for (const chunk of loaded.plan.fitChunks) {
    // A chunk that cannot be read is left to resolveFits; what is no ObsmithError is thrown.
    await runInline('scanChunk', { ...location, chunk }, QUIET).catch(summary);
  }
  const { rounds } = await runInline('resolveFits', location, QUIET);
  for (const { round, methods, chunks } of rounds) {
    const method = methods[0]!;
    for (let position = 0; position < chunks; position++) {
      await runInline('accumulateRound', { ...location, round, method, position }, QUIET);
    }
    for (const [above, merges] of mergeTasks(chunks).entries()) {
      for (let index = 0; index < merges; index++) {
        await runInline('mergeRound', { ...location, round, method, level: above + 1, index }, QUIET);
      }
    }
    for (const shared of methods) await runInline('solveRound', { ...location, round, method: shared }, QUIET);
  }
}

async function embedWave(
  overview: PlanOverview,
  wave: Wave,
  fitFailures: Readonly<Record<string, unknown>>,
): Promise<void> {
  const methods = overview.methods
    .filter(({ method, fitted }) => fitted === (wave === 'fitted') && !(method in fitFailures))
    .map(({ method }) => method);
  if (methods.length === 0) return;
  for (let chunk = 0; chunk < overview.chunkCount; chunk++) await embedChunk(overview, chunk, wave, methods);
}

async function embedChunk({ base, plan }: PlanOverview, chunk: number, wave: Wave, methods: string[]): Promise<void> {
  const input = { base, plan, chunk };
  const opened = await runInline('openChunk', { ...input, methods }, QUIET);
  const outcome: Record<string, ChunkOutcome[string]> = {};
  for (const method of opened.skipped) outcome[method] = { state: 'skipped', cells: opened.cells, seconds: 0 };
  for (const { method, ...error } of opened.refused)
    outcome[method] = { state: 'failed', cells: 0, seconds: 0, ...error };
  const staged = opened.needsInput ? runInline('stageInput', input, QUIET) : Promise.resolve();
  await staged.catch(() => {}); // Every method that waits for the copy fails with its error.
  for (const method of opened.todo) {
    const attempt = `test-${method}-1`;
    try {
      const { cells, seconds } = await runInline('embedChunk', { ...input, method, attempt }, QUIET);
      await staged;
      await runInline('publishArray', { ...input, method, attempt }, QUIET);
      outcome[method] = { state: 'computed', cells, seconds };
    } catch (error) {
      outcome[method] = { state: 'failed', cells: 0, seconds: 0, ...summary(error) };
    }
  }
  await runInline('closeChunk', { ...input, wave, outcome }, QUIET);
}

function summary(error: unknown): { type: string; message: string } {
  if (!(error instanceof ObsmithError)) throw error;
  return { type: error.type, message: withRemedy(error) };
}
