import { log, setHandler } from '@temporalio/workflow';
import {
  cancelMethodsSignal,
  cancelMethodsUpdate,
  pauseSignal,
  pauseUpdate,
  rerunMethodsSignal,
  rerunMethodsUpdate,
  resumeSignal,
  resumeUpdate,
} from './messages.js';
import type { RunControl } from './run-control.js';
import type { ControlAnswer } from './types.js';

const SOME_CHUNKS = '{"methods": ["pca"]}, on some chunks only with "chunks": ["train/chunk_0"]';
const PAUSE = { description: 'Starts nothing new; what runs is finished' };
const RESUME = { description: 'Goes on after a pause' };
const CANCEL = { description: `Stops methods while others go on: ${SOME_CHUNKS}` };
const RERUN = { description: `Computes methods again, finished ones too: ${SOME_CHUNKS}` };

/** What people may tell a run. Signals that make no sense are ignored and shown; updates of the same names are refused and answered. */
export function acceptSteering(control: RunControl): void {
  setHandler(pauseSignal, () => void control.pause(), PAUSE);
  setHandler(resumeSignal, () => void control.resume(), RESUME);
  setHandler(pauseUpdate, () => control.pause(), PAUSE);
  setHandler(resumeUpdate, () => control.resume(), RESUME);
  setHandler(
    cancelMethodsSignal,
    (message) => heed(control, 'cancelMethods', async () => control.cancelMethods(message)),
    CANCEL,
  );
  setHandler(cancelMethodsUpdate, (message) => control.cancelMethods(message), {
    ...CANCEL,
    validator: (message) => control.check(message),
  });
  setHandler(
    rerunMethodsSignal,
    (message) =>
      heed(control, 'rerunMethods', async () => {
        control.checkRerun(message);
        return control.rerunMethods(message);
      }),
    RERUN,
  );
  setHandler(rerunMethodsUpdate, (message) => control.rerunMethods(message), {
    ...RERUN,
    validator: (message) => control.checkRerun(message),
  });
}

/** A signal has nobody to answer to, and its failure must not end the run. */
async function heed(control: RunControl, name: string, act: () => Promise<ControlAnswer>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn(`Signal ${name} was ignored: ${reason}`);
    control.ignored(`${name}: ${reason}`);
  }
}
