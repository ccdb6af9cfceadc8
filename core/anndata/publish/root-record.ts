import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '../../errors.js';
import { OBSMITH_ATTRIBUTE } from '../obsm/obsm-array.js';
import { writeFileAtomic } from '../zarr-write/atomic-file.js';
import { joinMembers, jsonMembers } from '../zarr-write/json-members.js';
import type { ZarrFormat } from '../zarr-write/metadata.js';

/** Writes which obsm arrays a store has only from its input into the root attribute `obsmith`; other attributes stay as they are, to the letter. */
export async function writeInheritedKeys(store: string, format: ZarrFormat, keys: readonly string[]): Promise<void> {
  const record = JSON.stringify({ inherited: [...keys].sort() });
  if (format === 'zarr-v2') {
    const file = join(store, '.zattrs');
    const attributes = jsonMembers((await readIfThere(file)) ?? '{}');
    await writeFileAtomic(file, joinMembers(attributes.set(OBSMITH_ATTRIBUTE, record)));
    return;
  }
  const file = join(store, 'zarr.json');
  const node = jsonMembers((await readIfThere(file)) ?? '{}');
  const attributes = jsonMembers(node.get('attributes') ?? '{}');
  node.set('attributes', joinMembers(attributes.set(OBSMITH_ATTRIBUTE, record)));
  await writeFileAtomic(file, joinMembers(node));
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, file);
  }
}
