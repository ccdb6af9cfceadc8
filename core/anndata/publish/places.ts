import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Folder of ours below the base folder. */
const OBSMITH_FOLDER = '.obsmith';

/** Lock that one publisher of a chunk holds; `output` is the chunk's output store relative to the base. */
export const publishLockFile = (base: string, output: string): string =>
  join(base, OBSMITH_FOLDER, 'locks', `${output}.lock`);

/** Finished copy of the input in a chunk's staging folder, until it becomes the output. */
export const stagedStore = (staging: string): string => join(staging, 'store.zarr');

/** All attempts at one array. */
export const stagedKeyFolder = (staging: string, key: string): string => join(staging, key);

const ATTEMPT = 'attempt-';

/** Folder name of one attempt; hashed, because attempts are named freely. */
export const attemptFolder = (attempt: string): string =>
  `${ATTEMPT}${createHash('sha256').update(attempt).digest('hex').slice(0, 24)}`;

export const isAttemptFolder = (name: string): boolean => name.startsWith(ATTEMPT);

/** Inside an attempt's folder: the folder that becomes `obsm/<key>`. */
export const ARRAY_FOLDER = 'array';

/** Inside an attempt's folder: rows of row blocks that are not complete. */
export const BEGUN_FOLDER = 'begun';
