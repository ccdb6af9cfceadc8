import { join } from 'node:path';
import { storeFormat } from '../anndata/zarr-write/consolidate.js';
import { invalidInput } from '../errors.js';
import type { PlannedChunk } from './types.js';

/** InvalidInput where an output stands already in another zarr format than new arrays would have: readers would skip them in silence. */
export async function checkOutputFormat(base: string, chunk: PlannedChunk): Promise<void> {
  const format = await storeFormat(join(base, chunk.output));
  if (format === chunk.outputFormat) return;
  throw invalidInput(
    `${chunk.output} is ${format}, but outputs of ${chunk.input} are ${chunk.outputFormat}, the format of their input`,
    'Move the output away, so that it is made anew.',
  );
}
