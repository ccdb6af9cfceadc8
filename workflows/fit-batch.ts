import { setHandler } from '@temporalio/workflow';
import { cpuActivities } from './activity-options.js';
import { summarizeError } from './failures.js';
import { pauseSignal, resumeSignal } from './messages.js';
import { isolate } from './siblings.js';
import type { ErrorSummary, FitBatchInput, FitStep, PlanLocation } from './types.js';
import { Window } from './window.js';

/** One step of a fit on positions [from, to) of the fit chunks. Returns the first failure in order of position, or null. */
export async function fitBatch(input: FitBatchInput): Promise<ErrorSummary | null> {
  const window = new Window(input.window, input.paused);
  setHandler(pauseSignal, () => window.pause());
  setHandler(resumeSignal, () => window.resume());
  return stepOverPositions(input, window);
}

/** The work of `fitBatch` in the calling workflow. */
export async function stepOverPositions(
  { location, step, from, to }: Omit<FitBatchInput, 'window' | 'paused'>,
  window: Window,
): Promise<ErrorSummary | null> {
  const failures = new Map<number, ErrorSummary>();
  const positions = Array.from({ length: to - from }, (_, offset) => from + offset);
  await window.forEach(positions, async (position) => {
    if (step.kind === 'accumulate' && failures.size > 0) return; // A sum that lacks a chunk is of no use.
    await isolate(
      () => runStep(location, step, position),
      (error) => failures.set(position, summarizeError(error)),
    );
  });
  return failures.size === 0 ? null : failures.get(Math.min(...failures.keys()))!;
}

async function runStep(location: PlanLocation, step: FitStep, position: number): Promise<void> {
  const cpu = cpuActivities();
  if (step.kind === 'scan') await cpu.scanFitChunk({ ...location, position });
  else await cpu.accumulateRound({ ...location, round: step.round, method: step.method, position });
}
