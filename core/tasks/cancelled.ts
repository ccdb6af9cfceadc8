import { ObsmithError } from '../errors.js';

/** What a task that was cancelled ends with. */
export function cancelled(): ObsmithError {
  return new ObsmithError({
    type: 'Cancelled',
    message: 'The task was cancelled.',
    remedy: 'Start the run again to go on from its last checkpoint.',
  });
}
