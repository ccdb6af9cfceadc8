import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface ProcessMemory {
  readonly pid: number;
  readonly parent: number;
  /** Resident memory. */
  readonly bytes: number;
}

/** Resident memory of processes and of all below them, in bytes; 0 where this system does not tell. Throws where a look fails. */
export async function memoryOfTrees(roots: readonly number[]): Promise<number> {
  const processes = await (process.platform === 'linux' ? listFromProc() : listFromPs());
  const wanted = new Set(roots);
  // Parents stand before their children: pids may wrap around, so look until nothing is added.
  for (let size = 0; size !== wanted.size; ) {
    size = wanted.size;
    for (const { pid, parent } of processes) if (wanted.has(parent)) wanted.add(pid);
  }
  return processes.filter(({ pid }) => wanted.has(pid)).reduce((sum, { bytes }) => sum + bytes, 0);
}

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
