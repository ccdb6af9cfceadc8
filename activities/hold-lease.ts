import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { type LeaseOwner, releaseLease, renewLease } from '../core/dataset/lease.js';
import { loadPlan } from '../core/plan/load-plan.js';
import type { CompanionBeat } from './companions.js';
import type { LeaseInput } from './types.js';

/** A quarter of the lease's time: three renewals in a row may fail. */
const RENEW_MS = 30_000;

/** Renews the lease until the run ends, then releases it. A worker that only shuts down leaves it to the next attempt. */
export async function holdLease(
  input: LeaseInput,
  owner: LeaseOwner,
  { signal, runEnd, onProgress }: CompanionBeat,
): Promise<void> {
  const { base } = await loadPlan(input);
  for (let renewals = 1; !signal.aborted; renewals++) {
    await renewLease(base, input.dataset, owner);
    onProgress(renewals, 0);
    await sleep(RENEW_MS, undefined, { signal }).catch(() => {});
  }
  const isOver = runEnd.aborted || Context.current().cancellationDetails?.cancelRequested;
  if (isOver) await releaseLease(base, input.dataset, owner);
  if (!runEnd.aborted) throw signal.reason;
}
