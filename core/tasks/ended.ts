import { ObsmithError } from '../errors.js';

/** What a task ends with whose thread or process ended without an answer. */
export const ended = (message: string, cause?: unknown): ObsmithError =>
  new ObsmithError({
    type: 'Internal',
    message,
    remedy: 'The attempt is repeated; if it fails again, report it with the log.',
    cause,
  });
