/** Embeds one chunk of a plan so slowly that it can be killed anywhere: `embed-child.ts BASE PLAN METHOD ATTEMPT PAUSE_MS`. */
import { runInline } from '../core/tasks/run-inline.js';

const [base = '', plan = '', method = '', attempt = '', pause = '0'] = process.argv.slice(2);
const sleeping = new Int32Array(new SharedArrayBuffer(4));
const context = {
  progress: (rows: number): void => {
    process.stdout.write(`${rows}\n`);
  },
  checkCancelled: (): void => void Atomics.wait(sleeping, 0, 0, Number(pause)),
};
const outcome = await runInline('embedChunk', { base, plan, chunk: 0, method, attempt }, context);
process.stdout.write(`${JSON.stringify(outcome)}\n`);
