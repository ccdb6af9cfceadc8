import { setHandler } from '@temporalio/workflow';
import { FitRun } from './fit-run.js';
import { pauseSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import type { FitFailures, FitRoundsInput } from './types.js';

/** Data-set-wide statistics of the fitted methods, in rounds. A method whose fit fails or is stopped leaves the others alone. */
export async function fitRounds(input: FitRoundsInput): Promise<FitFailures> {
  const run = new FitRun(input);
  setHandler(pauseSignal, () => run.pause());
  setHandler(resumeSignal, () => run.resume());
  setHandler(stopMethodsSignal, ({ methods }) => run.stop(methods));
  await run.fitAll();
  return run.failures;
}
