import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';

const MIB = 2 ** 20;
const KIB = 1024;
/** What stays free for the system and for what cannot be foreseen, as a share of all memory. */
const RESERVE = 0.05;

/** Where limits are read from; replaced in tests. */
export interface MemorySources {
  /** Content of a file, null where it is not there. */
  read(path: string): string | null;
  readonly env: NodeJS.ProcessEnv;
  /** Resident memory of this process. */
  rss(): number;
}

const MACHINE: MemorySources = {
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return null;
    }
  },
  env: process.env,
  rss: () => process.memoryUsage.rss(),
};

/**
 * Bytes that this process may still take: the least of what the machine has free, what its cgroup (container, SLURM job)
 * leaves it, and what SLURM granted; less a reserve of 5 %. Page cache counts as free: the system gives it back.
 */
export function availableMemory(sources: MemorySources = MACHINE): number {
  const pools = [machinePool(sources), cgroup2Pool(sources), cgroup1Pool(sources), slurmPool(sources)];
  return Math.min(...pools.flatMap((pool) => (pool === null ? [] : [pool.free - RESERVE * pool.total])));
}

interface Pool {
  readonly total: number;
  readonly free: number;
}

function machinePool({ read }: MemorySources): Pool {
  const meminfo = read('/proc/meminfo');
  if (meminfo === null) return { total: totalmem(), free: freemem() };
  return { total: KIB * field(meminfo, 'MemTotal'), free: KIB * field(meminfo, 'MemAvailable') };
}

const CGROUP2 = '/sys/fs/cgroup';

/** Null where there is no limit: memory.max is "max". */
function cgroup2Pool({ read }: MemorySources): Pool | null {
  const own = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  for (const folder of [`${CGROUP2}${own === '/' ? '' : own}`, CGROUP2]) {
    const total = Number(read(`${folder}/memory.max`) ?? Number.NaN);
    const used = Number(read(`${folder}/memory.current`) ?? Number.NaN);
    if (Number.isNaN(total) || Number.isNaN(used)) continue;
    const stat = read(`${folder}/memory.stat`) ?? '';
    return { total, free: total - used + field(stat, 'inactive_file') + field(stat, 'active_file') };
  }
  return null;
}

const CGROUP1 = '/sys/fs/cgroup/memory';

function cgroup1Pool({ read }: MemorySources): Pool | null {
  const own = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  for (const folder of [`${CGROUP1}${own === '/' ? '' : own}`, CGROUP1]) {
    const total = Number(read(`${folder}/memory.limit_in_bytes`) ?? Number.NaN);
    const used = Number(read(`${folder}/memory.usage_in_bytes`) ?? Number.NaN);
    // Without a limit it is a number near 2^63.
    if (Number.isNaN(total) || Number.isNaN(used) || total > Number.MAX_SAFE_INTEGER) continue;
    const stat = read(`${folder}/memory.stat`) ?? '';
    return { total, free: total - used + field(stat, 'total_inactive_file') + field(stat, 'total_active_file') };
  }
  return null;
}

/** A job's memory is its limit also where the cluster does not enforce it with cgroups. */
function slurmPool({ env, rss }: MemorySources): Pool | null {
  const { SLURM_MEM_PER_NODE: perNode, SLURM_MEM_PER_CPU: perCpu, SLURM_CPUS_ON_NODE: cpus } = env;
  const total = MIB * Number(perNode || Number(perCpu || 0) * Number(cpus || 0));
  return total > 0 ? { total, free: total - rss() } : null;
}

const field = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
