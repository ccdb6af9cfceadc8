import { parentPort, workerData } from 'node:worker_threads';
import { cancelled } from './cancelled.js';
import type { TaskName } from './definitions.js';
import { type StartMessage, serializeError, type ThreadData, type ThreadMessage } from './messages.js';
import { ROOMS } from './rooms.js';
import { runTogether } from './run-inline.js';
import type { TaskContext } from './types.js';

/** Progress messages wake the worker's event loop, so they are sent no more often than this. */
const PROGRESS_INTERVAL_MS = 200;

const send = (message: ThreadMessage): void => parentPort!.postMessage(message);

parentPort!.on('message', ({ name, members }: StartMessage) => {
  const ends = runTogether(
    name as TaskName,
    members.map(({ input, cancelFlag }, member) => ({
      input: input as never,
      context: contextOf(member, cancelFlag),
    })),
  );
  for (const [member, end] of ends.entries()) {
    end.then(
      (output) => send({ member, kind: 'done', output }),
      (error: unknown) => send({ member, kind: 'failed', error: serializeError(error) }),
    );
  }
});

// What cannot be imported is the error of the task that needs it.
for (const name of (workerData as ThreadData).expects) await ROOMS[name]().catch(() => {});

function contextOf(member: number, cancelFlag: SharedArrayBuffer): TaskContext {
  const flag = new Int32Array(cancelFlag);
  let sentAt = 0;
  return {
    progress(done, total) {
      const now = performance.now();
      if (now - sentAt < PROGRESS_INTERVAL_MS && done < total) return;
      sentAt = now;
      send({ member, kind: 'progress', done, total });
    },
    checkCancelled() {
      if (Atomics.load(flag, 0) === 0) return;
      throw cancelled();
    },
  };
}
