import { ObsmithError } from '../../core/errors.js';
import type { TaskContext } from '../../core/tasks/types.js';
import type { Cli } from './cli.js';
import { ProgressLine } from './progress.js';

/** Runs a long core function with a progress line and Ctrl-C. `stage` and `unit` are what the line says. */
export async function withProgress<T>(
  cli: Cli,
  { stage, unit }: { stage: string; unit: string },
  work: (ctx: TaskContext) => Promise<T>,
): Promise<T> {
  const line = new ProgressLine(cli.terminal);
  try {
    return await work({
      progress: (done, total) => line.show({ stage, done, total, unit }),
      checkCancelled() {
        if (!cli.signal.aborted) return;
        throw new ObsmithError({
          type: 'Cancelled',
          message: 'Cancelled by Ctrl-C',
          remedy: 'Start it again when you like; nothing half-written is visible.',
        });
      },
    });
  } finally {
    line.end();
  }
}
