import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 5_000;
const MIB = 2 ** 20;

/** One NVIDIA GPU at one moment. */
export interface GpuSample {
  readonly index: string;
  /** 0 to 1; null where the driver does not tell (MIG). */
  readonly utilization: number | null;
  readonly memoryBytes: number;
  readonly memoryTotalBytes: number;
}

/** All GPUs that nvidia-smi shows; none where there is no such program. */
export async function sampleGpus(): Promise<GpuSample[]> {
  const query = ['--query-gpu=index,utilization.gpu,memory.used,memory.total', '--format=csv,noheader,nounits'];
  const { stdout } = await run('nvidia-smi', query, { timeout: TIMEOUT_MS }).catch(() => ({ stdout: '' }));
  return parseGpus(stdout);
}

/** Lines like "0, 37, 1024, 81920": index, per cent, MiB, MiB; "[N/A]" where the driver does not tell. */
export function parseGpus(csv: string): GpuSample[] {
  return csv
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((fields) => fields.length === 4)
    .map(([index = '', utilization, used, total]) => ({
      index,
      utilization: Number.isNaN(Number(utilization)) ? null : Number(utilization) / 100,
      memoryBytes: (Number(used) || 0) * MIB,
      memoryTotalBytes: (Number(total) || 0) * MIB,
    }));
}
