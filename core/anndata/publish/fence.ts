import { ObsmithError } from '../../errors.js';

/**
 * Later attempts take over by renaming the folder of an earlier one, so whatever an earlier attempt still does there
 * fails with ENOENT: that, and only that, is turned into an error which says so. Others pass through.
 */
export function fencedError(error: unknown, key: string): unknown {
  if (!hasCode(error, 'ENOENT')) return error;
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `The staged array ${key} was taken over by another attempt (its folder is gone)`,
    remedy: 'Nothing is lost: the other attempt goes on after the finished row blocks.',
    cause: error,
  });
}

function hasCode(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === code) || hasCode(error.cause, code);
}
