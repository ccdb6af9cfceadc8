import { isObsmithError } from '../core/errors.js';
import type { ChunkInput } from '../core/tasks/definitions.js';
import { runTask } from '../core/tasks/run-task.js';
import { threadless } from '../core/tasks/threadless.js';
import type { Beat } from './heartbeats.js';

const running = new Map<string, Promise<unknown>>();

/**
 * Scans a chunk or copies its input, or waits for the same work on it that already runs in this process: a fit and the wave
 * of unfitted methods scan the same chunk at the same time, and a copy that was begun ahead is what its chunk waits for.
 */
export async function runOnce(name: 'scanChunk' | 'stageInput', input: ChunkInput, beat: Beat): Promise<void> {
  const key = `${name}/${input.plan}/${input.chunk}`;
  for (let other = running.get(key); other !== undefined; other = running.get(key)) {
    try {
      await threadless.during(untilAborted(other, beat.signal));
      return;
    } catch (error) {
      const stoppedForOthers = isObsmithError(error) && error.type === 'Cancelled';
      if (!stoppedForOthers || beat.signal.aborted) throw error;
    }
  }
  const { base, plan, chunk } = input;
  const work = runTask(name, { base, plan, chunk }, beat);
  running.set(key, work);
  try {
    await work;
  } finally {
    running.delete(key);
  }
}

function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
