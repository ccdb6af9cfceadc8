import { discard } from './discard.js';
import { stagedKeyFolder } from './places.js';

/** Removes all that is staged of one array of a chunk; the next write of an attempt that still runs fails. */
export const discardStaged = (staging: string, key: string): Promise<void> => discard(stagedKeyFolder(staging, key));
