import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import { fromSystemError } from '../errors.js';
import { type LoadedPlan, loadPlan, loadPlannedChunk } from '../plan/load-plan.js';
import { type PlannedChunk, waveOf } from '../plan/types.js';
import type { PlanLocation } from '../tasks/definitions.js';
import type { TaskContext } from '../tasks/types.js';
import { removeUnusedTokens } from '../tokenization/remove-unused.js';
import { chunkState } from './chunk-state.js';
import { writeDatasetFile } from './dataset-file.js';
import { type MethodOutcome, readOutcome } from './journal.js';
import { datasetStagingFolder, journalFolder } from './layout.js';
import { removeOldRuns } from './remove-old-runs.js';

export interface FinalizeInput extends PlanLocation {
  readonly cancelled: boolean;
  /** Fitted methods whose fit failed, with the error; they were not run on any chunk. */
  readonly fitFailures: Readonly<Record<string, { readonly type: string; readonly message: string }>>;
  /** Methods cancelled on all chunks that they had not been run on. */
  readonly cancelledMethods?: readonly string[];
}

export interface MethodTotals {
  computed: number;
  skipped: number;
  failed: number;
  cancelled: number;
  /** Seconds of embedding activities, summed over chunks. */
  seconds: number;
  /** Cells embedded in this run. */
  cells: number;
}

export interface WarningRecord {
  readonly chunk: string;
  readonly method: string;
  readonly message: string;
}

export interface FailureRecord {
  readonly chunk: string;
  readonly method: string;
  readonly type: string;
  readonly message: string;
}

/** Totals of a run: what the workflow returns. */
export interface RunOutcome {
  readonly status: 'completed' | 'partial' | 'failed' | 'cancelled';
  readonly chunks: { total: number; completed: number; failed: number; skipped: number; cancelled: number };
  readonly methods: Readonly<Record<string, MethodTotals>>;
  /** The first 100. */
  readonly failures: readonly FailureRecord[];
  /** File with all failures, relative to the base; null where there were none. */
  readonly failuresUri: string | null;
  /** What people should look at although nothing failed: the first 100, absent where there is none. */
  readonly warnings?: readonly WarningRecord[];
}

const FAILURES_IN_RESULT = 100;
const WARNINGS_IN_RESULT = 100;

/** Ends a run: collects the journal, checks what was published, writes `dataset.json` and the list of failures. */
export async function finalize(input: FinalizeInput, context: TaskContext): Promise<RunOutcome> {
  const loaded = await loadPlan(input);
  const totals: Record<string, MethodTotals> = {};
  for (const { method } of loaded.plan.methods)
    totals[method] = { computed: 0, skipped: 0, failed: 0, cancelled: 0, seconds: 0, cells: 0 };
  const chunks = { total: loaded.plan.chunkCount, completed: 0, failed: 0, skipped: 0, cancelled: 0 };
  const failures: FailureRecord[] = [];
  const warnings: WarningRecord[] = [];
  const done = new Set<string>();
  for (let index = 0; index < loaded.plan.chunkCount; index++) {
    context.checkCancelled();
    context.progress(index, loaded.plan.chunkCount);
    const chunk = await loadPlannedChunk(loaded, index);
    const outcomes = await outcomesOf(loaded, chunk, input);
    for (const [method, outcome] of outcomes) {
      add(totals[method]!, outcome);
      if (outcome.state === 'computed' || outcome.state === 'skipped') done.add(`${chunk.name} X_${method}`);
    }
    failures.push(...failuresOf(chunk.name, outcomes));
    if (warnings.length < WARNINGS_IN_RESULT) warnings.push(...warningsOf(chunk.name, outcomes));
    chunks[chunkState(outcomes, input)]++;
  }
  const notPublished = loaded.plan.prepareOnly ? [] : await writeDatasetFile(loaded, failures, done);
  failures.push(...notPublished);
  // The run is over and holds the lease: what it or a run that was killed left in staging is of no more use.
  await rm(join(loaded.base, datasetStagingFolder(loaded.plan.dataset)), { recursive: true, force: true });
  await removeUnusedTokens(loaded);
  await removeOldRuns(loaded);
  return {
    status: statusOf(loaded, input, chunks, totals, notPublished.length),
    chunks,
    methods: totals,
    failures: failures.slice(0, FAILURES_IN_RESULT),
    failuresUri: failures.length === 0 ? null : await writeFailures(loaded, failures),
    ...(warnings.length === 0 ? {} : { warnings: warnings.slice(0, WARNINGS_IN_RESULT) }),
  };
}

async function outcomesOf(
  loaded: LoadedPlan,
  chunk: PlannedChunk,
  input: FinalizeInput,
): Promise<Map<string, MethodOutcome>> {
  const { base, plan } = loaded;
  const outcomes = new Map<string, MethodOutcome>();
  const recorded = {
    unfitted: await readOutcome(base, plan.id, chunk.name, 'unfitted'),
    fitted: await readOutcome(base, plan.id, chunk.name, 'fitted'),
  };
  for (const method of plan.methods) {
    outcomes.set(method.method, recorded[waveOf(method)]?.[method.method] ?? unrecorded(method.method, input));
  }
  return outcomes;
}

/** A method whose wave never finished on a chunk: its fit failed, the run was cancelled, or its workflow died. */
function unrecorded(method: string, { cancelled, fitFailures, cancelledMethods = [] }: FinalizeInput): MethodOutcome {
  const nothing = { cells: 0, seconds: 0 };
  const fitFailure = fitFailures[method];
  if (fitFailure) return { ...nothing, state: 'failed', ...fitFailure };
  if (cancelled || cancelledMethods.includes(method)) return { ...nothing, state: 'cancelled' };
  return {
    ...nothing,
    state: 'failed',
    type: 'Internal',
    message: "The chunk's workflow ended without an outcome; see its history.",
  };
}

function add(totals: MethodTotals, outcome: MethodOutcome): void {
  totals[outcome.state]++;
  totals.seconds += outcome.seconds;
  if (outcome.state === 'computed') totals.cells += outcome.cells;
}

function failuresOf(chunk: string, outcomes: ReadonlyMap<string, MethodOutcome>): FailureRecord[] {
  return [...outcomes]
    .filter(([, outcome]) => outcome.state === 'failed')
    .map(([method, outcome]) => ({ chunk, method, type: outcome.type ?? 'Internal', message: outcome.message ?? '' }));
}

function warningsOf(chunk: string, outcomes: ReadonlyMap<string, MethodOutcome>): WarningRecord[] {
  return [...outcomes].flatMap(([method, { warning }]) =>
    warning === undefined ? [] : { chunk, method, message: warning },
  );
}

function statusOf(
  { plan }: LoadedPlan,
  { cancelled }: FinalizeInput,
  chunks: RunOutcome['chunks'],
  totals: Readonly<Record<string, MethodTotals>>,
  notPublished: number,
): RunOutcome['status'] {
  if (cancelled) return 'cancelled';
  if (chunks.failed > plan.maxFailedChunks || notPublished > 0) return 'failed';
  const left = Object.values(totals).some(({ failed, cancelled: stopped }) => failed > 0 || stopped > 0);
  return left || plan.skippedMethods.length > 0 ? 'partial' : 'completed';
}

async function writeFailures({ base, plan }: LoadedPlan, failures: readonly FailureRecord[]): Promise<string> {
  const relative = join(journalFolder(plan.id), 'failures.json');
  const file = join(base, relative);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, JSON.stringify(failures, null, 2));
  } catch (error) {
    throw fromSystemError(error, file);
  }
  return relative;
}
