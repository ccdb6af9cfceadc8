import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const LOOK_MS = 250;
const run = promisify(execFile);

interface ProcessMemory {
  readonly pid: number;
  readonly parent: number;
  readonly bytes: number;
}

/** Follows the memory of this process and of the process trees below some others, added up. */
export class MemoryWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #roots: () => readonly number[];
  #peak = 0;
  #looking = false;

  constructor(roots: () => readonly number[]) {
    this.#roots = roots;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** The highest sum of resident memory seen, in bytes; null where this system does not tell. */
  stop(): number | null {
    clearInterval(this.#timer);
    return this.#peak > 0 ? this.#peak : null;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#peak = Math.max(this.#peak, sumOfTrees(await listProcesses(), this.#roots()));
    } catch {
      // A process that ended meanwhile, or a system without /proc and ps: the number stays what it is.
    } finally {
      this.#looking = false;
    }
  }
}

/** Memory of this process (without its children) and of everything below `roots`. */
function sumOfTrees(processes: readonly ProcessMemory[], roots: readonly number[]): number {
  const wanted = new Set([...roots, process.pid]);
  // Parents stand before their children: pids may wrap around, so look until nothing is added.
  for (let size = 0; size !== wanted.size; ) {
    size = wanted.size;
    for (const { pid, parent } of processes) if (wanted.has(parent) && parent !== process.pid) wanted.add(pid);
  }
  return processes.filter(({ pid }) => wanted.has(pid)).reduce((sum, { bytes }) => sum + bytes, 0);
}

const listProcesses = (): Promise<ProcessMemory[]> => (process.platform === 'linux' ? listFromProc() : listFromPs());

async function listFromProc(): Promise<ProcessMemory[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = pids.map(async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return { pid: Number(pid), parent: field('PPid'), bytes: 1024 * field('VmRSS') };
  });
  return Promise.all(read);
}

async function listFromPs(): Promise<ProcessMemory[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,rss=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parent = 0, kilobytes = 0]) => ({ pid, parent, bytes: 1024 * kilobytes }));
}
