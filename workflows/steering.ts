import { ApplicationFailure, log, setHandler } from '@temporalio/workflow';
import type { DatasetRun } from './dataset-run.js';
import {
  cancelMethodsSignal,
  cancelMethodsUpdate,
  pauseSignal,
  pauseUpdate,
  resumeSignal,
  resumeUpdate,
} from './messages.js';
import type { ControlAnswer, MethodsMessage } from './types.js';

const PAUSE = 'Starts nothing new; what runs is finished';
const RESUME = 'Goes on after a pause';
const CANCEL =
  'Stops methods while others go on: {"methods": ["pca"]}, on some chunks only with "chunks": ["train/chunk_0"]';

/** What people may tell a run. Signals that make no sense are ignored and shown; updates of the same names are refused and answered. */
export function acceptSteering(run: DatasetRun): void {
  setHandler(pauseSignal, () => void run.pause(), { description: PAUSE });
  setHandler(resumeSignal, () => void run.resume(), { description: RESUME });
  setHandler(pauseUpdate, () => run.pause(), { description: PAUSE });
  setHandler(resumeUpdate, () => run.resume(), { description: RESUME });
  setHandler(cancelMethodsSignal, (message) => heed(run, 'cancelMethods', () => run.cancelMethods(message)), {
    description: CANCEL,
  });
  setHandler(cancelMethodsUpdate, (message) => run.cancelMethods(message), {
    description: CANCEL,
    validator: (message) => checkMethods(message, run.methodNames()),
  });
}

/** A signal has nobody to answer to, and its failure must not end the run. */
async function heed(run: DatasetRun, name: string, act: () => Promise<ControlAnswer>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn(`Signal ${name} was ignored: ${reason}`);
    run.ignored(`${name}: ${reason}`);
  }
}

/** Throws InvalidInput, with the valid names, for anything but `{ methods, chunks? }` with known methods. */
export function checkMethods(message: MethodsMessage | undefined, known: readonly string[]): void {
  const { methods, chunks } = message ?? {};
  if (!isNames(methods)) throw refused('expected { "methods": ["<name>", ...] } with at least one method');
  if (chunks !== undefined && !isNames(chunks)) throw refused('"chunks" must be a list of at least one chunk name');
  const unknown = methods.filter((method) => !known.includes(method));
  if (unknown.length > 0) throw refused(`unknown method ${unknown.join(', ')}; valid are ${known.join(', ')}`);
}

const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string');

export const refused = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ type: 'InvalidInput', nonRetryable: true, message });
