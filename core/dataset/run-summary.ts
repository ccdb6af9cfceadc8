import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import type { LoadedPlan } from '../plan/load-plan.js';
import type { FailureRecord, MethodTotals, RunOutcome } from './finalize.js';
import { ERRORS_LOG, logsOf, SUMMARY_FILE } from './run-logs.js';

/** `summary.json` in the folder of a run's logs. */
export interface RunSummary extends Omit<RunOutcome, 'failures'> {
  readonly workflowId: string;
  readonly runId: string;
  readonly dataset: string;
  readonly plan: string;
  readonly finished: string;
  /** Methods by the section that they stand in. */
  readonly sections: Readonly<Partial<Record<'embedding_cpu' | 'embedding_gpu', SectionSummary>>>;
  /** Pairs of chunk and method that failed. */
  readonly failed: number;
  /** The first 5. */
  readonly firstFailures: readonly FailureRecord[];
}

export interface SectionSummary extends MethodTotals {
  readonly methods: readonly string[];
}

const FIRST_FAILURES = 5;

/** One line of `errors_consolidated.log`. */
export interface ErrorLine extends FailureRecord {
  readonly time: string;
}

/** Ends the logs of a run: writes `summary.json`, and leaves in `errors_consolidated.log` the first error of each failed chunk. */
export async function writeRunSummary(loaded: LoadedPlan, outcome: RunOutcome): Promise<void> {
  const folder = logsOf(loaded);
  if (folder === null) return;
  const failures = await allFailures(loaded, outcome);
  const finished = new Date().toISOString();
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, ERRORS_LOG), await consolidated(folder, failures, finished));
  await writeFileAtomic(
    join(folder, SUMMARY_FILE),
    `${JSON.stringify(summaryOf(loaded, outcome, failures, finished), null, 2)}\n`,
  );
}

function summaryOf(
  { plan }: LoadedPlan,
  { failures: _, ...outcome }: RunOutcome,
  failures: readonly FailureRecord[],
  finished: string,
): RunSummary {
  const { workflowId, runId } = plan.run!;
  const sections: Partial<Record<'embedding_cpu' | 'embedding_gpu', SectionSummary>> = {};
  for (const { method, queue } of plan.methods) {
    const section = `embedding_${queue}` as const;
    sections[section] = added(sections[section] ?? NO_METHODS, method, outcome.methods[method]!);
  }
  return {
    ...{ workflowId, runId, dataset: plan.dataset, plan: plan.id, finished, ...outcome, sections },
    failed: failures.length,
    firstFailures: failures.slice(0, FIRST_FAILURES),
  };
}

const NO_METHODS: SectionSummary = {
  methods: [],
  computed: 0,
  skipped: 0,
  failed: 0,
  cancelled: 0,
  seconds: 0,
  cells: 0,
};

const added = (section: SectionSummary, method: string, totals: MethodTotals): SectionSummary => ({
  methods: [...section.methods, method],
  computed: section.computed + totals.computed,
  skipped: section.skipped + totals.skipped,
  failed: section.failed + totals.failed,
  cancelled: section.cancelled + totals.cancelled,
  seconds: section.seconds + totals.seconds,
  cells: section.cells + totals.cells,
});

async function allFailures(
  { base }: LoadedPlan,
  { failures, failuresUri }: RunOutcome,
): Promise<readonly FailureRecord[]> {
  if (failuresUri === null) return failures;
  return JSON.parse(await readFile(join(base, failuresUri), 'utf8')) as FailureRecord[];
}

/** Lines that were appended while the run went on come first; two waves of a chunk, or two attempts, may have left two. */
async function consolidated(folder: string, failures: readonly FailureRecord[], time: string): Promise<string> {
  const appended = await readFile(join(folder, ERRORS_LOG), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const first = new Map<string, string>();
  const failedChunks = new Set(failures.map(({ chunk }) => chunk));
  for (const line of appended.split('\n').filter(Boolean)) {
    const chunk = chunkOf(line);
    if (chunk !== null && failedChunks.has(chunk) && !first.has(chunk)) first.set(chunk, line);
  }
  for (const failure of failures) {
    if (!first.has(failure.chunk)) first.set(failure.chunk, JSON.stringify({ time, ...failure } satisfies ErrorLine));
  }
  return [...first.values()].map((line) => `${line}\n`).join('');
}

/** Null for a line that another machine wrote into at the same moment. */
function chunkOf(line: string): string | null {
  try {
    return (JSON.parse(line) as ErrorLine).chunk;
  } catch {
    return null;
  }
}
