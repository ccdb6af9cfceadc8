import { FitRun } from './fit-run.js';
import type { FitFailures, FitRoundsInput } from './types.js';

/** Data-set-wide statistics of the fitted methods, in rounds. A method whose fit fails leaves the others alone. */
export async function fitRounds(input: FitRoundsInput): Promise<FitFailures> {
  const run = new FitRun(input);
  await run.fitAll();
  return run.failures;
}
