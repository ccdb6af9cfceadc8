import { followRun } from '../../client/follow.js';
import { MemoryWatch } from '../../client/memory-watch.js';
import { outputsOf } from '../../client/outputs.js';
import { openSession, type Session } from '../../client/session.js';
import { type StartedRun, startRun } from '../../client/start-run.js';
import type { ResolvedConfig } from '../../core/config/types.js';
import { queueNames, queuePrefix } from '../../server/queues.js';
import type { Progress, RunRequest, RunTotals } from '../../workflows/types.js';
import type { Cli, ExitCode } from '../terminal/cli.js';
import { ProgressLine } from '../terminal/progress.js';

export interface RunOptions {
  readonly request: RunRequest;
  readonly workflowId: string;
  /** What the request's configuration resolves to here. */
  readonly config?: ResolvedConfig;
  /** Base folder of the data set: logs go below it. */
  readonly base: string;
  readonly detach: boolean;
  readonly startWorkers: boolean;
}

/** The document of `run --json`. */
export interface RunDocument extends Omit<RunTotals, 'base' | 'plan'> {
  readonly workflowId: string;
  readonly runId: string;
  /** Absolute paths. */
  readonly outputs: readonly string[];
  /** Of this process and the workers that it started, together, the Temporal server apart. */
  readonly peakRssBytes: number | null;
}

export type RunEnd =
  | {
      readonly kind: 'ended';
      readonly document: RunDocument;
      readonly totals: RunTotals;
      readonly uiUrl: string | null;
    }
  /** The run goes on without us: it was detached, or following was stopped by Ctrl-C. */
  | { readonly kind: 'left'; readonly run: StartedRun; readonly address: string; readonly interrupted: boolean };

/** Starts a run with whatever it needs, follows it to its end, and leaves nothing behind but its outputs. */
export async function executeRun(cli: Cli, options: RunOptions): Promise<RunEnd> {
  const say = (line: string): void => cli.terminal.log(line);
  const session = await openSession({
    ...{ env: cli.env, cwd: cli.cwd, folder: options.base },
    // Workers that end with this process would be of no use to a run that it leaves.
    ...{ startWorkers: options.startWorkers && !options.detach, mayEmbed: !options.detach, say },
  });
  const memory = new MemoryWatch(() => session.workers.pids);
  try {
    const taskQueue = queueNames(queuePrefix(cli.env)).workflows;
    const run = await startRun(session.client, { ...options, taskQueue });
    if (run.joined) say(`Joined the run ${run.workflowId}, which has the same request.`);
    if (options.detach) return { kind: 'left', run, address: session.address, interrupted: false };
    const totals = await Promise.race([follow(cli, session, run), session.lost]);
    if (totals === null) return { kind: 'left', run, address: session.address, interrupted: true };
    const { base: _, ...rest } = totals;
    const { plan, ...summary } = rest;
    const outputs = await outputsOf({ base: options.base, plan });
    const uiUrl = session.embedded ? null : await findUi(session, run);
    const document = { workflowId: run.workflowId, runId: run.runId, ...summary, outputs, peakRssBytes: memory.stop() };
    // Workers may mount the base folder elsewhere.
    return { kind: 'ended', document, totals: { ...rest, base: options.base }, uiUrl };
  } finally {
    memory.stop();
    await session.close();
  }
}

export const exitCodeOfRun = ({ status }: Pick<RunTotals, 'status'>): ExitCode =>
  (({ completed: 0, partial: 3, failed: 1, cancelled: 130 }) as const)[status];

/** On Ctrl-C an embedded run is cancelled and followed to its end; any other run goes on without us (null). */
async function follow(cli: Cli, session: Session, run: StartedRun): Promise<RunTotals | null> {
  const lost = new AbortController();
  session.lost.catch(() => lost.abort());
  const line = new ProgressLine(cli.terminal);
  const cancel = (): void => {
    cli.terminal.log(
      'Cancelling; arrays that are published stay, and a later run goes on after them. Ctrl-C again ends at once.',
    );
    void session.client.workflow.getHandle(run.workflowId).cancel();
  };
  if (session.embedded) cli.signal.addEventListener('abort', cancel, { once: true });
  const signal = session.embedded ? lost.signal : AbortSignal.any([lost.signal, cli.signal]);
  const onProgress = (progress: Progress): void => {
    showProgress(line, progress);
    for (const worker of progress.waitingFor) session.startWorker(worker.endsWith('gpu') ? 'gpu' : 'cpu');
  };
  const onSilence = async (): Promise<void> => {
    showSilence(line);
    await session.findWorker();
  };
  try {
    if (session.embedded && cli.signal.aborted) cancel();
    const isWatched = cli.terminal.live && !cli.terminal.json;
    return await followRun(session.client, run, { onProgress, onSilence, signal, isWatched });
  } finally {
    line.end();
    cli.signal.removeEventListener('abort', cancel);
  }
}

function showProgress(
  line: ProgressLine,
  { stage, paused, chunks, cells, cellsPerSecond, etaSeconds, waitingFor }: Progress,
): void {
  const details = [
    chunks.total > 0 ? `${chunks.completed + chunks.failed}/${chunks.total} chunks` : '',
    chunks.failed > 0 ? `${chunks.failed} failed` : '',
    ...waitingFor.map((worker) => `waiting for: ${worker}`),
  ].filter((part) => part !== '');
  line.show({
    stage: paused ? 'paused' : stage,
    ...{ done: cells.done, total: cells.total, unit: 'cells', perSecond: cellsPerSecond, etaSeconds },
    detail: details.join(', '),
  });
}

/** The words of a run that waits, where not even that can be asked. */
const showSilence = (line: ProgressLine): void =>
  line.show({ stage: 'queued', done: 0, total: 0, unit: 'cells', detail: 'waiting for: obsmith worker cpu' });

const UI_PORT = 8233;
const UI_LOOK_MS = 500;

/** The page of a run in the Web UI of a server that stays, where one is served as `obsmith dev` and the Temporal CLI do. */
async function findUi({ address, namespace }: Session, { workflowId, runId }: StartedRun): Promise<string | null> {
  const ui = `http://${address.slice(0, address.lastIndexOf(':'))}:${UI_PORT}`;
  const found = await fetch(ui, { signal: AbortSignal.timeout(UI_LOOK_MS) }).catch(() => null);
  return found ? `${ui}/namespaces/${namespace}/workflows/${workflowId}/${runId}/history` : null;
}
