import type { MetricMeter } from '@temporalio/common';

/** Upper bounds of histograms, in seconds. */
const SECONDS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000];

/** Names as the exporter ends them: counters in `_total`, histograms in their unit. */
const EMBEDDING = 'obsmith_embedding';
const ACTIVITY = 'obsmith_activity';

export const HISTOGRAM_BOUNDS: Readonly<Record<string, number[]>> = { [EMBEDDING]: SECONDS, [ACTIVITY]: SECONDS };

/** What is measured of activities; see the table in OPERATIONS.md. */
export function activityMeters(meter: MetricMeter) {
  return {
    cells: meter.createCounter('obsmith_cells', undefined, 'Cells embedded, by method'),
    bytes: meter.createCounter('obsmith_published_bytes', undefined, 'Bytes of published arrays on disk, by method'),
    embedding: meter.createHistogram(EMBEDDING, 'float', 'seconds', 'Embedding one chunk with one method'),
    activity: meter.createHistogram(ACTIVITY, 'float', 'seconds', 'Attempts of activities, by activity and outcome'),
    failures: meter.createCounter('obsmith_failures', undefined, 'Methods failed on a chunk, by type of error'),
    failedAttempts: meter.createCounter('obsmith_failed_attempts', undefined, 'By activity and type of error'),
  };
}

export type ActivityMeters = ReturnType<typeof activityMeters>;

/** What is sampled of the worker and its machine. */
export function machineMeters(meter: MetricMeter) {
  return {
    memory: meter.createGauge(
      'obsmith_worker_memory_bytes',
      'int',
      undefined,
      'Resident memory of worker and children',
    ),
    cpu: meter.createGauge('obsmith_worker_cpu_seconds', 'float', undefined, 'CPU time that the worker has used'),
    gpuUse: meter.createGauge('obsmith_gpu_utilization_ratio', 'float', undefined, 'Busy share of each GPU, 0 to 1'),
    gpuMemory: meter.createGauge('obsmith_gpu_memory_bytes', 'int', undefined, 'Memory of each GPU in use'),
    gpuMemoryTotal: meter.createGauge('obsmith_gpu_memory_total_bytes', 'int', undefined, 'Memory of each GPU'),
  };
}

export type MachineMeters = ReturnType<typeof machineMeters>;
