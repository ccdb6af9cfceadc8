import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { invalidInput, MockRun, untilCancelled, withMockWorkers } from '../test/temporal/mock-run.js';
import { longAfter, startTestServer, type TestServer } from '../test/temporal/server.js';
import {
  cancelMethodsSignal,
  cancelMethodsUpdate,
  pauseUpdate,
  rerunMethodsSignal,
  rerunMethodsUpdate,
  resumeUpdate,
} from '../workflows/messages.js';
import type { MethodsMessage } from '../workflows/types.js';

/**
 * Records histories of the current workflows into test/fixtures/histories. Each release adds its own; none is ever
 * replaced, since runs of earlier releases must go on after an upgrade:
 *   npx tsx scripts/record-histories.ts v0.1.0
 */
const FOLDER = fileURLToPath(new URL('../test/fixtures/histories', import.meta.url));

const METHODS = [
  { method: 'gs', queue: 'cpu', fitted: false },
  { method: 'hvg', queue: 'cpu', fitted: true },
  { method: 'pca', queue: 'cpu', fitted: true },
] as const;
const ROUNDS = [
  { round: 'gene-statistics' as const, methods: ['hvg', 'pca'], chunks: 40, accumulated: false },
  { round: 'gram' as const, methods: ['pca'], chunks: 40, accumulated: false },
];

async function record(version: string): Promise<void> {
  const server = await startTestServer();
  try {
    await recordCompleted(server, version);
    await recordCancelled(server, version);
    await recordCancelledMethod(server, version);
    await recordPartlyFailed(server, version);
    await recordRerun(server, version);
  } finally {
    await server.stop();
  }
  const impatient = await startTestServer([longAfter(20)]);
  try {
    await recordContinued(impatient, version);
  } finally {
    await impatient.stop();
  }
}

async function recordCompleted(server: TestServer, version: string): Promise<void> {
  const copyAhead = { from: 0, to: 3 };
  const run = new MockRun({ chunks: 3, methods: METHODS, fitChunks: 40, rounds: ROUNDS, copyAhead });
  const root = `record-${version}-completed`;
  await withMockWorkers(server.connection, `${root}-`, run, () =>
    start(server, root).then((handle) => handle.result()),
  );
  await save(server, root, ['', '/fit', '/fit/scan/b000', '/fitted/b000', '/fitted/b000/c00001', '/unfitted/b000']);
}

async function recordCancelled(server: TestServer, version: string): Promise<void> {
  const run = new MockRun({ chunks: 3, maxOpenChunks: 2, methods: METHODS.slice(0, 1) }, (call) =>
    call.startsWith('embed') ? untilCancelled() : undefined,
  );
  const root = `record-${version}-cancelled`;
  await withMockWorkers(server.connection, `${root}-`, run, async () => {
    const handle = await start(server, root);
    while (run.count('embed') < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    await handle.cancel();
    await handle.result().catch(() => {});
  });
  await save(server, root, ['', '/unfitted/b000', '/unfitted/b000/c00000']);
}

/** One method is cancelled while it is fitted, another one while it embeds. */
async function recordCancelledMethod(server: TestServer, version: string): Promise<void> {
  const plan = { chunks: 3, maxOpenChunks: 2, methods: METHODS, fitChunks: 40, rounds: ROUNDS };
  const run = new MockRun(plan, (call) => (/^(embed gs|accumulate gram)/.test(call) ? untilCancelled() : undefined));
  const root = `record-${version}-cancelled-method`;
  await withMockWorkers(server.connection, `${root}-`, run, async () => {
    const handle = await start(server, root);
    while (run.count('embed gs') < 2 || run.count('accumulate gram') < 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await handle.executeUpdate(pauseUpdate);
    await handle.signal(cancelMethodsSignal, { methods: ['pca'] });
    await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['gs'], chunks: ['train/chunk_1'] }] });
    await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['gs'] }] });
    await handle.executeUpdate(resumeUpdate);
    await handle.result();
  });
  const children = ['/fit', '/fit/gram-0/b000', '/fitted/b000', '/unfitted/b000', '/unfitted/b000/c00001'];
  await save(server, root, ['', ...children]);
}

async function recordPartlyFailed(server: TestServer, version: string): Promise<void> {
  const plan = { chunks: 3, methods: METHODS, fitChunks: 40, rounds: ROUNDS };
  const run = new MockRun(plan, (call) => {
    if (call === 'embed gs 1' || call === 'accumulate gram pca 7') throw invalidInput('no genes overlap');
  });
  const root = `record-${version}-partly-failed`;
  await withMockWorkers(server.connection, `${root}-`, run, async () => {
    const handle = await start(server, root);
    await handle.result().catch(() => {});
  });
  await save(server, root, ['', '/fit', '/fitted/b000', '/unfitted/b000', '/unfitted/b000/c00001']);
}

/** Reruns of a chunk that is through, of a batch that is through, and of a method whose fit failed. */
async function recordRerun(server: TestServer, version: string): Promise<void> {
  const plan = { chunks: 3, methods: METHODS, fitChunks: 40, rounds: ROUNDS };
  let isBroken = true;
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const run = new MockRun(plan, (call) => {
    if (call === 'accumulate gram pca 7' && isBroken) throw invalidInput('train/chunk_7 is truncated');
    return call === 'embed hvg 2' ? held : undefined;
  });
  const root = `record-${version}-rerun`;
  await withMockWorkers(server.connection, `${root}-`, run, async () => {
    const handle = await start(server, root);
    const wait = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const rerun = (message: MethodsMessage) => handle.executeUpdate(rerunMethodsUpdate, { args: [message] });
    await wait(() => run.count('embed hvg 2') === 1 && run.count('close 0 fitted') === 1);
    isBroken = false;
    await rerun({ methods: ['hvg', 'gs'], chunks: ['train/chunk_0'] });
    await wait(() => run.count('close 0 fitted') === 2 && run.count('close 0 unfitted') === 2);
    await handle.signal(rerunMethodsSignal, { methods: ['pca'] });
    await wait(() => run.count('solve gram pca') === 1);
    release();
    await handle.result();
  });
  const reruns = ['/fit/rerun-1', '/fitted/b000/c00000/rerun-1', '/unfitted/b000/rerun-1', '/fitted/b000/rerun-1'];
  await save(server, root, ['', '/fitted/b000', '/unfitted/b000/rerun-1/c00000/rerun-1', ...reruns]);
}

/** A run that goes on as a new workflow run while chunks are left to do. */
async function recordContinued(server: TestServer, version: string): Promise<void> {
  const run = new MockRun({ chunks: 3, methods: METHODS, fitChunks: 40, rounds: ROUNDS });
  const root = `record-${version}-continued`;
  const { first, last } = await withMockWorkers(server.connection, `${root}-`, run, async () => {
    const handle = await start(server, root);
    await handle.result();
    const { runId } = await server.client.workflow.getHandle(root).describe();
    return { first: handle.firstExecutionRunId, last: runId };
  });
  if (first === last) throw new Error('the run did not continue as new');
  await save(server, root, ['/fitted/b000']);
  await saveRun(server, root, first, `${root}@first`);
  await saveRun(server, root, last, `${root}@last`);
}

const start = ({ client }: TestServer, root: string) =>
  client.workflow.start('embedDataset', {
    taskQueue: `${root}-obsmith`,
    workflowId: root,
    args: [{ config: 'conf/x.yaml' }],
  });

async function save(server: TestServer, root: string, children: readonly string[]): Promise<void> {
  for (const child of children) {
    const workflowId = `${root}${child}`;
    await saveRun(server, workflowId, undefined, encodeURIComponent(workflowId));
  }
}

async function saveRun({ client }: TestServer, workflowId: string, runId: string | undefined, name: string) {
  await mkdir(FOLDER, { recursive: true });
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  // As protobuf: the SDK's own JSON conversion fails where npm installs two copies of protobufjs.
  const bytes = proto.temporal.api.history.v1.History.encode(history).finish();
  await writeFile(join(FOLDER, `${name}.pb`), bytes);
}

await record(process.argv[2] ?? 'v0.1.0');
