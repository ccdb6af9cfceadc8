/**
 * A process that runs tasks in a thread of its own, so that its event loop is free to hear of a cancellation, or of the end
 * of the process that it belongs to, while the thread is inside a driver.
 */
import { type ProcessMessage, serializeError, type TaskMessage } from './messages.js';
import { runTask } from './run-task.js';

// Ctrl-C in a terminal, and service managers, reach the whole group: the process that it belongs to decides what ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
/** At once: an orderly exit would wait for a thread that may be inside the driver. */
const die = (): boolean => process.kill(process.pid, 'SIGKILL');
process.on('disconnect', die);
if (!process.connected) die();

const send = (message: TaskMessage): void => {
  if (process.connected) process.send!(message);
};

let running = new AbortController();

process.on('message', async (message: ProcessMessage) => {
  if (message.kind === 'cancel') return running.abort();
  running = new AbortController();
  try {
    const onProgress = (done: number, total: number): void => send({ kind: 'progress', done, total });
    const output = await runTask(message.name, message.input as never, { signal: running.signal, onProgress });
    send({ kind: 'done', output });
  } catch (error) {
    send({ kind: 'failed', error: serializeError(error) });
  }
});
