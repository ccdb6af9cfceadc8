import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const SAMPLE_MS = 50;

export interface Measured {
  readonly stdout: string;
  readonly code: number;
  /** From start to exit. */
  readonly wallSeconds: number;
  /** Highest sum of proportional set sizes over the process and all it started, in bytes; the Temporal server left out. */
  readonly peakBytes: number;
}

/** Runs a command to its end and samples the memory of its process tree every 50 ms (Linux). stderr passes through. */
export async function measure(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const peak = new PeakMemory();
  const timer = setInterval(() => child.pid !== undefined && peak.sample(child.pid), SAMPLE_MS);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exit) => resolve(exit ?? 1));
    });
    return { stdout, code, wallSeconds: (performance.now() - started) / 1000, peakBytes: peak.bytes };
  } finally {
    clearInterval(timer);
  }
}

/**
 * Proportional set sizes take the kernel a walk over all pages, which would keep a core busy that the measured processes
 * need. So they are read only where the resident sets, which are known at once, have grown since they were read last.
 */
class PeakMemory {
  bytes = 0;
  #resident = 0;

  sample(root: number): void {
    const pids = treeOf(root);
    const resident = sumOf(pids, residentPages);
    if (resident < GROWTH * this.#resident) return;
    this.#resident = Math.max(this.#resident, resident);
    this.bytes = Math.max(this.bytes, sumOf(pids, proportionalBytes));
  }
}

/** Smaller changes of the resident sets are not worth a walk. */
const GROWTH = 1.005;

const sumOf = (pids: readonly number[], sizeOf: (pid: number) => number): number =>
  pids.reduce((sum, pid) => sum + sizeOf(pid), 0);

/** The process and all that it started, without the Temporal server. */
function treeOf(root: number): number[] {
  const children = childrenByParent();
  const pids = [root];
  for (const pid of pids) pids.push(...(children.get(pid) ?? []));
  return pids.filter((pid) => !isTemporalServer(pid));
}

const residentPages = (pid: number): number => Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0);

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

function isTemporalServer(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('temporal');
  } catch {
    return false;
  }
}

/** Pss: shared pages count in part to each process, so that their sum is what the tree really holds. */
function proportionalBytes(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** Empty where the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
