import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { MockRun, withMockWorkers } from '../../test/temporal/mock-run.js';
import { startTestServer, type TestServer } from '../../test/temporal/server.js';
import { formatBytes, formatCount } from '../terminal/format.js';
import { numbersTable, printReport, REPORT_HELP, REPORT_OPTIONS } from './report.js';

const HELP = `Usage: npm run bench -- orchestration [options]

Runs the real workflows with activities that do nothing, on a development server and in one worker process: chunks per
second, and how large the histories of root, batches and chunks become.

  --chunks N       default 10000
${REPORT_HELP}`;

const OPTIONS = {
  chunks: { type: 'string', default: '10000' },
  ...REPORT_OPTIONS,
} as const;

const METHOD = { method: 'gs', queue: 'cpu', fitted: false } as const;
const LOOK_MS = 10_000;

/** History of one workflow; of several, the largest of each number. */
interface HistorySize {
  readonly workflow: string;
  readonly count: number;
  readonly events: number;
  readonly bytes: number;
  /** All payloads together, and the largest. */
  readonly payloadBytes: number;
  readonly largestPayload: number;
}

/** The suite `orchestration`. */
export async function orchestration(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const chunks = Number(values.chunks);
  const server = await startTestServer();
  try {
    const report = { suite: 'orchestration', threads: availableParallelism(), node: process.version };
    const measured = { ...report, ...(await measureRun(server, chunks)) };
    const rate = `${formatCount(chunks)} chunks, ${measured.chunksPerSecond.toFixed(1)} chunks/s`;
    await printReport(measured, `${rate}\n${table(measured)}`, values);
  } finally {
    await server.stop();
  }
}

async function measureRun(server: TestServer, chunks: number) {
  const run = new MockRun({ chunks, methods: [METHOD] });
  const prefix = 'bench-';
  const progress = setInterval(() => process.stderr.write(`${formatCount(run.journal.size)} chunks\n`), LOOK_MS);
  try {
    return await withMockWorkers(server.connection, prefix, run, async () => {
      const started = performance.now();
      const root = await server.client.workflow.start('embedDataset', {
        taskQueue: `${prefix}obsmith`,
        workflowId: 'embed-bench',
        args: [{ config: 'conf/bench.yaml' }],
      });
      await root.result();
      const seconds = (performance.now() - started) / 1000;
      return { chunks, seconds, chunksPerSecond: chunks / seconds, histories: await historiesOf(server, root) };
    });
  } finally {
    clearInterval(progress);
  }
}

/** Root, all batches, and the chunks of the first batch. */
async function historiesOf({ client }: TestServer, root: WorkflowHandle): Promise<HistorySize[]> {
  const batches = await childrenOf(root);
  const chunks = await childrenOf(client.workflow.getHandle(batches[0]!));
  const largest = async (workflow: string, ids: readonly string[], count: number): Promise<HistorySize> => {
    const sizes: Omit<HistorySize, 'workflow' | 'count'>[] = [];
    for (const id of ids) sizes.push(await historyOf(client.workflow.getHandle(id)));
    const most = (of: (size: Omit<HistorySize, 'workflow' | 'count'>) => number) => Math.max(...sizes.map(of));
    return {
      ...{ workflow, count },
      events: most(({ events }) => events),
      bytes: most(({ bytes }) => bytes),
      payloadBytes: most(({ payloadBytes }) => payloadBytes),
      largestPayload: most(({ largestPayload }) => largestPayload),
    };
  };
  return [
    await largest('embedDataset', [root.workflowId], 1),
    await largest('embedBatch', batches, batches.length),
    await largest('embedChunk', chunks.slice(0, 10), chunks.length * batches.length),
  ];
}

async function childrenOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap((event) => event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowId ?? []);
}

async function historyOf(handle: WorkflowHandle): Promise<Omit<HistorySize, 'workflow' | 'count'>> {
  const { historyLength: events, historySize: bytes = 0 } = await handle.describe();
  const payloads = payloadsIn(await handle.fetchHistory());
  return {
    events,
    bytes,
    payloadBytes: payloads.reduce((sum, length) => sum + length, 0),
    largestPayload: Math.max(0, ...payloads),
  };
}

/** Bytes of every payload, wherever in the events it stands. */
function payloadsIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  if ('data' in value && 'metadata' in value && value.data instanceof Uint8Array) return [value.data.length];
  return Object.values(value).flatMap(payloadsIn);
}

function table({ histories }: { readonly histories: readonly HistorySize[] }): string {
  const titles = ['workflow', 'runs', 'events', 'history', 'payloads', 'largest payload'];
  return numbersTable(
    titles,
    histories.map(({ workflow, count, events, bytes, payloadBytes, largestPayload }) => [
      workflow,
      formatCount(count),
      formatCount(events),
      formatBytes(bytes),
      formatBytes(payloadBytes),
      formatBytes(largestPayload),
    ]),
  );
}
