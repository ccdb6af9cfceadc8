import { parentPort } from 'node:worker_threads';
import { cancelled } from './cancelled.js';
import type { TaskName } from './definitions.js';
import { type StartMessage, serializeError, type ThreadMessage } from './messages.js';
import { runInline } from './run-inline.js';
import type { TaskContext } from './types.js';

/** Progress messages wake the worker's event loop, so they are sent no more often than this. */
const PROGRESS_INTERVAL_MS = 200;

const send = (message: ThreadMessage): void => parentPort!.postMessage(message);

parentPort!.on('message', async ({ name, input, cancelFlag }: StartMessage) => {
  try {
    send({ kind: 'done', output: await runInline(name as TaskName, input as never, contextOf(cancelFlag)) });
  } catch (error) {
    send({ kind: 'failed', error: serializeError(error) });
  }
});

function contextOf(cancelFlag: SharedArrayBuffer): TaskContext {
  const flag = new Int32Array(cancelFlag);
  let sentAt = 0;
  return {
    progress(done, total) {
      const now = performance.now();
      if (now - sentAt < PROGRESS_INTERVAL_MS && done < total) return;
      sentAt = now;
      send({ kind: 'progress', done, total });
    },
    checkCancelled() {
      if (Atomics.load(flag, 0) === 0) return;
      throw cancelled();
    },
  };
}
