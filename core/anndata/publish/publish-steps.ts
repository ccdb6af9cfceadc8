import { randomUUID } from 'node:crypto';
import { mkdir, rename, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { invalidInput } from '../../errors.js';
import { arrayFiles, writeRecord } from '../obsm/array-record.js';
import { listedKeys } from '../obsm/listing.js';
import { inheritedKeys, obsmFolder, provenanceOf, readObsmNode } from '../obsm/obsm-array.js';
import { storeExists } from '../obsm/store-exists.js';
import { openZarr } from '../zarr/open-zarr.js';
import { syncFolder } from '../zarr-write/atomic-file.js';
import { storeFormat } from '../zarr-write/consolidate.js';
import { writeGroupMetadata } from '../zarr-write/metadata.js';
import { discard } from './discard.js';
import { fencedError } from './fence.js';
import { stagedStore } from './places.js';
import { listComplete, repairOutput } from './repair-output.js';
import { writeInheritedKeys } from './root-record.js';
import { type HashedArray, notSealed, type SealedArray } from './sealed-array.js';

/** One publication under way. */
export interface Publication {
  readonly base: string;
  /** Absolute path of the output store. */
  readonly output: string;
  /** Absolute staging folder of the chunk. */
  readonly staging: string;
  readonly key: string;
  readonly signature: string;
  /** What this attempt owns in staging; null where an earlier attempt cleared it already. */
  readonly sealed: SealedArray | null;
  /** Null where the array was moved into the store already. */
  readonly hashed: HashedArray | null;
}

export interface PublishStep {
  readonly name: string;
  run(): Promise<void>;
}

/**
 * The publishing protocol. Each step looks at the disk and does nothing where its work is done, so that any attempt can
 * run all of them after any other attempt stopped anywhere. Renaming needs the attempt's own folder at one end, so a
 * stale attempt, whose folder was taken over, cannot move anything.
 */
export function publishSteps(publication: Publication): PublishStep[] {
  const { output, key, signature, sealed, hashed } = publication;
  const isPending = async () => sealed !== null && hashed !== null && (await storeExists(sealed.array));
  const step = (name: string, run: (store: string) => Promise<void>): PublishStep => ({
    name,
    async run() {
      try {
        await run(await targetStore(publication));
      } catch (error) {
        throw fencedError(error, key);
      }
    },
  });
  return [
    step('check', async (store) => {
      if (!(await isPending())) refuseOthers(store, key, signature);
      else await refuseMisfit(store, key, hashed!);
    }),
    step('repair', async (store) => {
      await repairOutput(store);
    }),
    step('unlist', async (store) => {
      if ((await isPending()) && listedKeys(store)?.has(key)) await listComplete(store, key);
    }),
    step('set aside', async (store) => {
      const old = obsmFolder(store, key);
      if (!(await isPending()) || !(await storeExists(old))) return;
      await rename(old, join(sealed!.folder, `replaced-${randomUUID()}`));
      await syncFolder(dirname(old));
    }),
    step('move in', async (store) => {
      if (!(await isPending())) return;
      await ensureObsm(store);
      await rename(sealed!.array, obsmFolder(store, key));
      await syncFolder(join(store, 'obsm'));
    }),
    step('disown', async (store) => {
      const inherited = inheritedKeys(store);
      if (!inherited?.includes(key)) return;
      await writeInheritedKeys(
        store,
        await storeFormat(store),
        inherited.filter((other) => other !== key),
      );
    }),
    step('list', async (store) => {
      // Also where the key is listed already: the root's own attributes may have changed.
      await listComplete(store);
    }),
    step('appear', async (store) => {
      if (store === output) return;
      await makeFolders(dirname(output));
      await rename(store, output);
      await syncFolder(dirname(output));
    }),
    step('record', async (store) => {
      if (hashed === null) return;
      const { fingerprint } = await arrayFiles(store, key);
      const { digest, zeroRows, nonFinite } = hashed;
      await writeRecord(store, key, { fingerprint, digest, zeroRows, finite: nonFinite === null });
    }),
    step('clear', async () => {
      if (sealed !== null) await discard(sealed.folder);
      await removeIfEmpty(join(publication.staging, key));
    }),
  ];
}

/** The output where it exists; until then the copy of the input in staging. */
export async function targetStore({ output, staging }: Pick<Publication, 'output' | 'staging'>): Promise<string> {
  if (await storeExists(output)) return output;
  return stagedStore(staging);
}

/** Where nothing is pending, an earlier attempt must have moved this very array in. */
function refuseOthers(store: string, key: string, signature: string): void {
  const node = readObsmNode(store, key);
  if (node === null || node === 'group' || provenanceOf(node)?.signature !== signature) throw notSealed(key);
}

/** An array of another zarr version would be skipped silently by readers, one with other rows would break the store. */
async function refuseMisfit(store: string, key: string, { node }: HashedArray): Promise<void> {
  const format = await storeFormat(store);
  if (format !== `zarr-v${node.version}`) {
    throw invalidInput(
      `${store} is ${format}, but obsm/${key} was made as zarr-v${node.version}, the format of its input`,
      'Outputs keep the format of their input: move the output away, so that it is made anew.',
    );
  }
  const { cells } = await openZarr(store);
  if (cells !== node.shape[0]) {
    throw invalidInput(
      `${store} has ${cells} cells, but obsm/${key} has ${node.shape[0]} rows: the input changed after the output was made`,
      'Move the output away, so that it is made anew from the changed input.',
    );
  }
}

async function ensureObsm(store: string): Promise<void> {
  if (await storeExists(join(store, 'obsm'))) return;
  const encoding = { 'encoding-type': 'dict', 'encoding-version': '0.1.0' };
  await writeGroupMetadata(await storeFormat(store), join(store, 'obsm'), encoding);
}

/** Makes folders and fsyncs each parent, so that the path survives loss of power. */
async function makeFolders(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true });
  if (made === undefined) return;
  for (let folder = path; folder.length >= made.length; folder = dirname(folder)) await syncFolder(dirname(folder));
}

/** Other attempts may work in the same folder. */
async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
  });
}
