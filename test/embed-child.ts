/**
 * Embeds one chunk of a plan and kills itself with -9 once so many rows are done: `embed-child.ts BASE PLAN METHOD ATTEMPT ROWS`.
 * From outside it could be too late.
 */
import { runInline } from '../core/tasks/run-inline.js';

const [base = '', plan = '', method = '', attempt = '', killAt = ''] = process.argv.slice(2);
const context = {
  progress: (rows: number): void => {
    if (rows >= Number(killAt)) process.kill(process.pid, 'SIGKILL');
  },
  checkCancelled() {},
};
await runInline('embedChunk', { base, plan, chunk: 0, method, attempt }, context);
