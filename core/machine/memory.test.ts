import { describe, expect, it } from 'vitest';
import { availableMemory, type MemorySources } from './memory.js';

const GIB = 2 ** 30;
const meminfo = (total: number, available: number): string =>
  `MemTotal:       ${total / 1024} kB\nMemFree:          1 kB\nMemAvailable:   ${available / 1024} kB\n`;

const sources = (files: Record<string, string>, env: NodeJS.ProcessEnv = {}): MemorySources => ({
  read: (path) => files[path] ?? null,
  env,
  rss: () => GIB,
});

const MACHINE = { '/proc/meminfo': meminfo(100 * GIB, 60 * GIB) };

describe('availableMemory', () => {
  it('is what the machine has free, less 5 % of all', () => {
    expect(availableMemory(sources(MACHINE))).toBe(55 * GIB);
  });

  it('is what a container has left, page cache counted as free', () => {
    const stat = `anon 1\nfile 7\nactive_file ${GIB}\ninactive_file ${2 * GIB}\n`;
    const root = '/sys/fs/cgroup';
    const files = { [`${root}/memory.max`]: `${20 * GIB}\n`, [`${root}/memory.current`]: `${13 * GIB}\n` };
    expect(availableMemory(sources({ ...MACHINE, ...files, [`${root}/memory.stat`]: stat }))).toBe(9 * GIB);
  });

  it('reads the cgroup of its own, of either version, and passes over one without a limit', () => {
    const own = { '/proc/self/cgroup': '0::/job/7\n' };
    const job = {
      '/sys/fs/cgroup/job/7/memory.max': `${10 * GIB}`,
      '/sys/fs/cgroup/job/7/memory.current': `${2 * GIB}`,
    };
    expect(availableMemory(sources({ ...MACHINE, ...own, ...job }))).toBe(7.5 * GIB);
    const unlimited = { ...job, '/sys/fs/cgroup/job/7/memory.max': 'max\n' };
    expect(availableMemory(sources({ ...MACHINE, ...own, ...unlimited }))).toBe(55 * GIB);
    const first = {
      '/proc/self/cgroup': '9:memory:/slurm/job_1\n',
      '/sys/fs/cgroup/memory/slurm/job_1/memory.limit_in_bytes': `${10 * GIB}`,
      '/sys/fs/cgroup/memory/slurm/job_1/memory.usage_in_bytes': `${4 * GIB}`,
      '/sys/fs/cgroup/memory/slurm/job_1/memory.stat': `inactive_file 5\ntotal_inactive_file ${GIB}\n`,
    };
    expect(availableMemory(sources({ ...MACHINE, ...first }))).toBe(6.5 * GIB);
  });

  it('keeps to what SLURM granted, per node or per core', () => {
    expect(availableMemory(sources(MACHINE, { SLURM_MEM_PER_NODE: '10240' }))).toBe(8.5 * GIB);
    const perCore = { SLURM_MEM_PER_CPU: '2048', SLURM_CPUS_ON_NODE: '5' };
    expect(availableMemory(sources(MACHINE, perCore))).toBe(8.5 * GIB);
  });

  it('knows this machine', () => {
    expect(availableMemory()).toBeGreaterThan(0);
  });
});
