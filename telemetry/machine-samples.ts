import { sampleGpus } from '../core/machine/gpus.js';
import { memoryOfTrees } from '../core/machine/process-tree.js';
import type { MachineMeters } from './meters.js';

const SAMPLE_MS = 5_000;

/** Samples memory, CPU time and, where `gpus`, all GPUs, until the returned function is called. */
export function sampleMachine(meters: MachineMeters, gpus: boolean): () => void {
  let sampling = false;
  const sample = async (): Promise<void> => {
    if (sampling) return;
    sampling = true;
    // A process that ended while one looked: the next sample has it.
    await Promise.all([sampleProcess(meters), ...(gpus ? [sampleAllGpus(meters)] : [])]).catch(() => {});
    sampling = false;
  };
  const timer = setInterval(sample, SAMPLE_MS);
  timer.unref();
  void sample();
  return () => clearInterval(timer);
}

async function sampleProcess({ memory, cpu }: MachineMeters): Promise<void> {
  const { user, system } = process.cpuUsage();
  cpu.set((user + system) / 1e6);
  memory.set(await memoryOfTrees([process.pid]));
}

async function sampleAllGpus({ gpuUse, gpuMemory, gpuMemoryTotal }: MachineMeters): Promise<void> {
  for (const { index, utilization, memoryBytes, memoryTotalBytes } of await sampleGpus()) {
    if (utilization !== null) gpuUse.set(utilization, { gpu: index });
    gpuMemory.set(memoryBytes, { gpu: index });
    gpuMemoryTotal.set(memoryTotalBytes, { gpu: index });
  }
}
