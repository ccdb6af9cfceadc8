import { sep } from 'node:path';
import { deniedIn, ObsmithError } from '../errors.js';
import type { TaskName } from './definitions.js';

/** Refuse a run before anything is started, or touch no data set. */
const BEFORE_A_RUN: ReadonlySet<TaskName> = new Set(['planRun', 'probeDevice']);
/** Read parts of an input that nobody has read before: what is not permitted there is bad input. */
const FIRST_READERS: ReadonlySet<TaskName> = new Set(['scanChunk', 'openChunk', 'stageInput']);
const OUR_FOLDER = `${sep}.obsmith${sep}`;

/**
 * Maps a permission that is denied in the middle of a run to StoreUnavailable: planning wrote to the base folder and scans
 * read the chunks whole, so it was there before, and comes back (an expired Kerberos ticket, a server that restarts). Other
 * errors pass through.
 */
export function fromLostPermission(error: unknown, task: TaskName): unknown {
  const denied = deniedIn(error);
  if (denied === null || BEFORE_A_RUN.has(task)) return error;
  const path = denied.path ?? '';
  if (FIRST_READERS.has(task) && !path.includes(OUR_FOLDER)) return error;
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `The permission to access ${path} was lost in the middle of the run (${denied.code})`,
    remedy: 'Give it back to the user that runs the worker; the work is retried and goes on from its last checkpoint.',
    cause: error,
  });
}
