import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromSystemError, ObsmithError } from '../errors.js';
import { isRunning } from '../machine/process-running.js';
import { createOnce } from './create-once.js';
import { leaseFile } from './layout.js';

/** Content of `.obsmith/<dataset>.lease`: who may write to a data set's outputs. */
export interface Lease {
  /** Workflow id. */
  readonly owner: string;
  readonly host: string;
  /** Address (and namespace) of the Temporal server that the workflow runs on. */
  readonly server: string;
  /** Process whose end ends the lease (an embedded run); null where the run outlives processes. */
  readonly pid: number | null;
  /** ISO 8601; to be renewed before. */
  readonly expires: string;
}

/** Who asks: `owner` on `server` is one holder, whichever worker process renews for it. */
export interface LeaseOwner {
  readonly owner: string;
  readonly server: string;
  readonly pid: number | null;
}

const LEASE_SECONDS = 120;
/** After its expiry a lease is respected for this long: clocks differ, and a renewal may be on its way. */
const GRACE_SECONDS = 15;
/** A takeover takes milliseconds; a guard older than this was left by a crash. */
const GUARD_SECONDS = 30;
const LOOK_AGAIN_MS = 50;

/**
 * Takes the data set's lease, or renews it where the same owner on the same server has it (so a retried activity succeeds).
 * A lease is taken over when it expired, or when it names a process of this host that ended. LeaseHeld names the holder.
 */
export async function acquireLease(base: string, dataset: string, owner: LeaseOwner): Promise<Lease> {
  const file = join(base, leaseFile(dataset));
  return guarded(file, async () => {
    await mkdir(dirname(file), { recursive: true });
    for (;;) {
      const lease = leaseOf(owner);
      if (await createOnce(file, serialize(lease))) return lease;
      const found = await readLease(file);
      if (found === null) continue;
      const ours = isHolder(found.lease, owner);
      if (ours && !hasExpired(found.lease)) return replace(file, lease);
      if (!ours && !isOver(found.lease)) throw leaseHeld(dataset, found.lease, file);
      if (await takeOver(file, found.text, lease)) return lease;
      await sleep(LOOK_AGAIN_MS);
    }
  });
}

/** Prolongs a lease. LeaseHeld where it was lost to another holder meanwhile: stop writing then. */
export async function renewLease(base: string, dataset: string, owner: LeaseOwner): Promise<Lease> {
  const file = join(base, leaseFile(dataset));
  return guarded(file, async () => {
    const found = await readLease(file);
    if (found !== null && !isHolder(found.lease, owner)) throw leaseHeld(dataset, found.lease, file);
    return acquireLease(base, dataset, owner);
  });
}

/** Gives a lease back; nothing happens where it is no longer ours. */
export async function releaseLease(base: string, dataset: string, owner: LeaseOwner): Promise<void> {
  const file = join(base, leaseFile(dataset));
  await guarded(file, async () => {
    const found = await readLease(file);
    const ours = found !== null && isHolder(found.lease, owner);
    // An expired lease may be taken over at this moment; it needs no release.
    if (ours && !hasExpired(found.lease)) await rm(file, { force: true });
  });
}

/**
 * Replaces an ended lease; false where another taker was there first. The guard lets one taker in at a time; it looks again
 * at what it replaces, and renames over it, so that the lease is never absent in between.
 */
async function takeOver(file: string, ended: string, lease: Lease): Promise<boolean> {
  const guard = `${file}.takeover`;
  await removeOldGuard(guard);
  if (!(await createOnce(guard, `${lease.owner}\n`))) return false;
  try {
    if ((await readLease(file))?.text !== ended) return false;
    await replace(file, lease);
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

async function removeOldGuard(guard: string): Promise<void> {
  const found = await stat(guard).catch(() => null);
  if (found !== null && Date.now() - found.mtimeMs > GUARD_SECONDS * 1000) await rm(guard, { force: true });
}

async function replace(file: string, lease: Lease): Promise<Lease> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, serialize(lease));
  await rename(draft, file);
  return lease;
}

async function readLease(file: string): Promise<{ lease: Lease; text: string } | null> {
  try {
    const text = await readFile(file, 'utf8');
    return { lease: parseLease(text) ?? (await unreadableLease(file)), text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function parseLease(text: string): Lease | null {
  try {
    const lease = JSON.parse(text) as Partial<Lease> | null;
    const { owner, host, server, pid, expires } = lease ?? {};
    if (typeof owner !== 'string' || typeof expires !== 'string' || Number.isNaN(Date.parse(expires))) return null;
    return { owner, host: host ?? 'unknown', server: server ?? 'unknown', pid: pid ?? null, expires };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** A lease that a crash left half written is respected as long as a whole one would be. */
async function unreadableLease(file: string): Promise<Lease> {
  const { mtimeMs } = await stat(file);
  const expires = new Date(mtimeMs + LEASE_SECONDS * 1000).toISOString();
  return { owner: 'unknown (unreadable lease)', host: 'unknown', server: 'unknown', pid: null, expires };
}

const hasExpired = (lease: Lease) => Date.parse(lease.expires) <= Date.now();

function isOver(lease: Lease): boolean {
  if (Date.parse(lease.expires) + GRACE_SECONDS * 1000 < Date.now()) return true;
  return lease.pid !== null && lease.host === hostname() && !isRunning(lease.pid);
}

function leaseOf({ owner, server, pid }: LeaseOwner): Lease {
  return { owner, host: hostname(), server, pid, expires: new Date(Date.now() + LEASE_SECONDS * 1000).toISOString() };
}

const isHolder = (lease: Lease, { owner, server }: LeaseOwner) => lease.owner === owner && lease.server === server;
const serialize = (lease: Lease) => `${JSON.stringify(lease, null, 2)}\n`;

function leaseHeld(dataset: string, { owner, host, server, expires }: Lease, file: string): ObsmithError {
  return new ObsmithError({
    type: 'LeaseHeld',
    message: `Data set ${dataset} is being embedded by ${owner} on ${host} (server ${server}), lease until ${expires}`,
    remedy: `Wait for that run or cancel it (obsmith cancel ${owner}); if it is gone for good, the lease ends by itself (${file}).`,
  });
}

async function guarded<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromSystemError(error, file);
  }
}
