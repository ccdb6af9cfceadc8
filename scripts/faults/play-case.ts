import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, WorkflowFailedError } from '@temporalio/client';
import { startRun } from '../../client/start-run.js';
import { built, PACKAGE_ROOT } from '../../core/package-root.js';
import { startGuarded } from '../../server/guarded-process.js';
import { queueNames } from '../../server/queues.js';
import { embedding, fixture, type SmallDataset, smallDataset, writeNumbers } from '../../test/small-dataset.js';
import type { RunTotals } from '../../workflows/types.js';
import { BATCH_SIZE, type FaultCase } from './cases.js';

const METHOD = 'scvi_fm';
/** Of the fixture. */
const STORED_COUNTS = 36_506;
/** Pauses before another attempt on a device are 30 and 60 s; cases have a hundredth. */
const PAUSE_FACTOR = 0.01;

/** One activity of the history: attempts of one batch size, as its result tells, else its input. */
export interface PlayedActivity {
  readonly chunk: number;
  readonly batchSize: number;
  readonly attempts: number;
  /** Type of the error that it ended with, or null. */
  readonly error: string | null;
}

export interface PlayedCase {
  readonly activities: readonly PlayedActivity[];
  /** Rows of each forward pass, in order, whatever became of it. */
  readonly passes: readonly number[];
  /** Processes that made forward passes. */
  readonly processes: number;
  readonly state: 'computed' | 'failed';
  /** Type and message, where it failed. */
  readonly failure: { readonly type: string; readonly message: string } | null;
  /** Where the GPU worker ended by itself: its exit code, and what it said. */
  readonly worker: { readonly code: number | null; readonly said: string } | null;
  /** The arrays, chunk after chunk; empty where the run failed. */
  readonly values: readonly Float32Array[];
}

/** Plays a case as a whole run: workers of its own on the server, whose GPU worker takes the CPU for its card. */
export async function playCase(client: Client, address: string, name: string, fault: FaultCase): Promise<PlayedCase> {
  const dataset = await faultDataset(fault);
  const folder = join(dataset.base, 'faults');
  await mkdir(folder);
  const prefix = `faults-${process.pid}-${name}-`;
  const { passes = [], files = [] } = fault;
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: address,
    OBSMITH_QUEUE_PREFIX: prefix,
    OBSMITH_FAULTS: JSON.stringify({ folder, passes, files, pauseFactor: PAUSE_FACTOR }),
    NODE_OPTIONS: `--import ${join(PACKAGE_ROOT, 'scripts/faults/inject.mjs')}`,
  };
  const logs = { cpu: join(folder, 'cpu.log'), gpu: join(folder, 'gpu.log') };
  const worker = [process.execPath, built('scripts/obsmith.js'), 'worker'];
  const cpu = startGuarded([...worker, 'cpu', '--concurrency', '2'], logs.cpu, env);
  const gpu = startGuarded([...worker, 'gpu', '--device', 'cuda:0'], logs.gpu, env);
  let ended: number | null | undefined;
  void gpu.exited.then((code) => {
    ended = code;
  });
  try {
    const workflowId = `${prefix}run`;
    const taskQueue = queueNames(prefix).workflows;
    await startRun(client, { workflowId, taskQueue, request: { config: dataset.config } });
    const totals = await totalsOf(client.workflow.getHandle(workflowId).result());
    const [failure = null] = totals.failures;
    // A worker that gives up is still ending when its last activity has failed.
    if (failure?.type === 'CudaDeviceError') await gpu.exited;
    const notes = (await readFile(join(folder, 'passes'), 'utf8').catch(() => '')).trim().split('\n').filter(Boolean);
    const activities = await Promise.all(
      Array.from({ length: chunksOf(fault) }, (_, chunk) => activitiesOf(client, workflowId, chunk)),
    );
    return {
      activities: activities.flat(),
      passes: notes.map((line) => Number(line.split(' ')[1])),
      processes: new Set(notes.map((line) => line.split(' ')[0])).size,
      state: failure === null ? 'computed' : 'failed',
      failure,
      worker: ended === undefined ? null : { code: ended, said: await readFile(logs.gpu, 'utf8') },
      values: failure === null ? await valuesOf(dataset, chunksOf(fault)) : [],
    };
  } finally {
    await Promise.all([cpu.stop(), gpu.stop()]);
    await dataset.remove();
  }
}

const chunksOf = ({ chunks = 1 }: FaultCase): number => chunks;

async function faultDataset(fault: FaultCase): Promise<SmallDataset> {
  const inputs = Array.from({ length: chunksOf(fault) }, (_, chunk) => [
    `train/chunk_${chunk}.zarr`,
    'pbmc-24/chunk_0.zarr',
  ]);
  const dataset = await smallDataset(Object.fromEntries(inputs), '');
  await dataset.configure(
    `max_open_chunks: 1
embedding_gpu:
  methods: [${METHOD}]
  batch_size: ${BATCH_SIZE}
  chunk_rows: 8
  method_options: { ${METHOD}: { model: ${JSON.stringify(fixture('models/scvi-tiny'))} } }
`,
  );
  if (fault.input === 'fractional counts') {
    await writeNumbers(
      dataset.input('train/chunk_0.zarr/layers/counts/data'),
      new Float32Array(STORED_COUNTS).fill(0.5),
    );
  }
  return dataset;
}

const valuesOf = (dataset: SmallDataset, chunks: number): Promise<Float32Array[]> =>
  Promise.all(
    Array.from({ length: chunks }, (_, chunk) => embedding(dataset.output(`train/chunk_${chunk}`), `X_${METHOD}`)),
  );

async function totalsOf(result: Promise<unknown>): Promise<RunTotals> {
  try {
    return (await result) as RunTotals;
  } catch (error) {
    const [totals] =
      error instanceof WorkflowFailedError ? ((error.cause as { details?: unknown[] }).details ?? []) : [];
    if (totals === undefined) throw error;
    return totals as RunTotals;
  }
}

/** What the history of a chunk says about its embedding. */
async function activitiesOf(client: Client, run: string, chunk: number): Promise<PlayedActivity[]> {
  const workflowId = `${run}/unfitted/b000/c${String(chunk).padStart(5, '0')}`;
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const played = new Map<string, { batchSize: number; attempts: number; error: string | null }>();
  for (const event of events ?? []) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === 'embedMethod') {
      const { batchSize = BATCH_SIZE } = defaultPayloadConverter.fromPayload<{ batchSize?: number }>(
        scheduled.input!.payloads![0]!,
      );
      played.set(String(event.eventId), { batchSize, attempts: 0, error: null });
    }
    const { scheduledEventId, attempt } = event.activityTaskStartedEventAttributes ?? {};
    const started = played.get(String(scheduledEventId));
    if (started) started.attempts = attempt ?? 0;
    const { scheduledEventId: failedId, failure } = event.activityTaskFailedEventAttributes ?? {};
    const completed = event.activityTaskCompletedEventAttributes;
    const done = played.get(String(completed?.scheduledEventId));
    const [result] = completed?.result?.payloads ?? [];
    // What earlier chunks found out makes it less than was asked for.
    if (done && result) done.batchSize = defaultPayloadConverter.fromPayload<{ batchSize: number }>(result).batchSize;
    const failed = played.get(String(failedId));
    if (failed) failed.error = failure?.applicationFailureInfo?.type ?? null;
  }
  return [...played.values()].map((activity) => ({ chunk, ...activity }));
}
