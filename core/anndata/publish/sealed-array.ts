import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ObsmithError } from '../../errors.js';
import type { Json } from '../../methods/types.js';
import type { TaskContext } from '../../tasks/types.js';
import { OBSMITH_ATTRIBUTE, provenanceOf } from '../obsm/obsm-array.js';
import { type RowsSummary, summarizeRows } from '../obsm/rows-summary.js';
import { storeExists } from '../obsm/store-exists.js';
import { type ArrayNode, readNode } from '../zarr/metadata.js';
import { writeFileAtomic } from '../zarr-write/atomic-file.js';
import { joinMembers, jsonMembers } from '../zarr-write/json-members.js';
import { claimAttempt, discardWork, readJob, type StagedArrayPlace } from './attempt-claim.js';
import { fencedError } from './fence.js';
import { ARRAY_FOLDER } from './places.js';
import { writtenRows } from './written-rows.js';

/** A sealed array that this attempt owns. Its array folder is gone once it was moved into a store. */
export interface SealedArray {
  /** The attempt's folder. */
  readonly folder: string;
  /** Where the array lies until it is moved. */
  readonly array: string;
}

/** Takes over the sealed array of this signature from whoever has it; null where there is none. Unsealed work is left alone. */
export async function claimSealed(place: StagedArrayPlace): Promise<SealedArray | null> {
  const accepts = async (candidate: string) => {
    if (signatureOfJob(await readJob(candidate)) !== place.signature) return false;
    return !(await storeExists(join(candidate, ARRAY_FOLDER))) || sealedNode(candidate) !== null;
  };
  const folder = await claimAttempt(place, accepts);
  if (folder === null) return null;
  await discardWork(place, folder);
  return { folder, array: join(folder, ARRAY_FOLDER) };
}

function signatureOfJob(job: string | null): unknown {
  return job === null ? null : (JSON.parse(job) as { signature?: unknown }).signature;
}

/** Metadata of a sealed array, read as the array `array` of a store. */
function sealedNode(folder: string): ArrayNode | null {
  for (const version of [2, 3] as const) {
    const node = readNode(folder, version, ARRAY_FOLDER);
    if (node?.kind === 'array' && provenanceOf(node) !== null) return node;
  }
  return null;
}

/** A sealed array, hashed: what it is and what its files hold. */
export interface HashedArray extends RowsSummary {
  readonly node: ArrayNode;
}

/**
 * Reads the written files back, and adds the digest of their rows and the command that verifies it to the provenance. Done
 * anew by every attempt: what is published is what is on disk. Progress is in files or rows.
 */
export async function hashSealed(
  sealed: SealedArray,
  { key }: StagedArrayPlace,
  verify: string,
  context: TaskContext,
): Promise<HashedArray> {
  try {
    const node = sealedNode(sealed.folder);
    if (node === null) throw notSealed(key);
    const summary = (await writtenRows(sealed.folder, node, context)) ?? (await summarizeRows(node, context));
    const file = join(sealed.array, node.version === 2 ? '.zattrs' : 'zarr.json');
    const provenance = { ...provenanceOf(node), digest: summary.digest, verify };
    await replaceProvenance(file, node.version === 3, provenance);
    return { ...summary, node };
  } catch (error) {
    throw fencedError(error, key);
  }
}

async function replaceProvenance(file: string, nested: boolean, provenance: { [key: string]: Json }): Promise<void> {
  const document = jsonMembers(await readFile(file, 'utf8'));
  const attributes = nested ? jsonMembers(document.get('attributes')!) : document;
  attributes.set(OBSMITH_ATTRIBUTE, JSON.stringify(provenance));
  if (nested) document.set('attributes', joinMembers(attributes));
  await writeFileAtomic(file, joinMembers(document));
}

/** Nothing to publish: on network file systems it may only not be visible yet. */
export function notSealed(key: string): ObsmithError {
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `There is no finished staged array ${key} to publish`,
    remedy: 'It is looked for again; if it stays absent, start the run again to compute it.',
  });
}
