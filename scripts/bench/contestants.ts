import { fileURLToPath } from 'node:url';
import { built, resource } from '../../core/package-root.js';
import type { TestServer } from '../../test/temporal/server.js';
import type { BenchDataset } from './dataset.js';
import { idleSeconds } from './idle-time.js';
import { measure } from './measure.js';
import { threadEnv } from './peer.js';

/** One run of one contestant. */
export interface Run {
  /** First activity to finalize (obsmith), first read to last write (peer): start-up apart. */
  readonly seconds: number;
  readonly wallSeconds: number;
  readonly peakBytes: number;
  /** Seconds in which no activity was at work; null for the peer. */
  readonly idleSeconds: number | null;
  /** Parts of the run where the contestant tells them. */
  readonly stages: Readonly<Record<string, number>>;
}

export async function runPeer(python: string, data: BenchDataset, methods: readonly string[]): Promise<Run> {
  const script = fileURLToPath(new URL('peer_single_cell.py', import.meta.url));
  const options = ['--out', data.outputs, '--gs', resource('gene-lists/gs.txt'), '--batch-key', 'batch'];
  const args = [script, ...options, '--methods', methods.join(','), ...data.inputs];
  const { stdout, code, wallSeconds, peakBytes } = await measure(python, args, threadEnv());
  const { seconds, stages } = parse<{ seconds: number; stages: Record<string, number> }>(stdout, 'the peer', code);
  return { seconds, wallSeconds, peakBytes, idleSeconds: null, stages };
}

/** Queues of its own, so that workers of another run do not do the work unmeasured. */
export async function runObsmith(server: TestServer, data: BenchDataset): Promise<Run> {
  const { stdout, code, wallSeconds, peakBytes } = await measure(
    process.execPath,
    [built('scripts/obsmith.js'), 'run', data.config, '--json'],
    { TEMPORAL_ADDRESS: server.address, OBSMITH_QUEUE_PREFIX: `bench-${process.pid}` },
  );
  const { status, seconds, methods, workflowId } = parse<RunDocument>(stdout, 'obsmith run', code);
  if (status !== 'completed') throw new Error(`obsmith run ended as ${status}: ${stdout}`);
  const stages = Object.fromEntries(Object.entries(methods).map(([name, totals]) => [name, totals.seconds]));
  return { seconds, wallSeconds, peakBytes, idleSeconds: await idleSeconds(server.client, workflowId), stages };
}

/** The part of `run --json` that is read here. */
interface RunDocument {
  readonly status: string;
  readonly seconds: number;
  readonly workflowId: string;
  readonly methods: Readonly<Record<string, { readonly seconds: number }>>;
}

function parse<T>(stdout: string, who: string, code: number): T {
  if (code === 0 && stdout.trim() !== '') return JSON.parse(stdout) as T;
  throw new Error(`${who} ended with exit code ${code} and printed: ${stdout || 'nothing'}`);
}
