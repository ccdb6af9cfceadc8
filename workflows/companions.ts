import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { LeaseInput, WorkerKind } from '../activities/types.js';
import { companions, endCompanions } from './activity-options.js';

/**
 * The activities that last as long as the run: one holds the lease, one watches for queues without workers. They go on
 * while a cancelled run is wound up.
 */
export class Companions {
  readonly #ended: Promise<void>;
  #scope!: CancellationScope;

  /** `onLoss` is called when the lease cannot be held any longer. */
  constructor(lease: LeaseInput, queues: readonly WorkerKind[], onLoss: (error: unknown) => void) {
    this.#ended = CancellationScope.nonCancellable(async () => {
      this.#scope = new CancellationScope();
      await this.#scope.run(() => Promise.all([hold(lease, onLoss), watch(queues)]));
    });
  }

  /** Ends both; the lease is released when this returns. */
  async stop(): Promise<void> {
    this.#scope.cancel();
    await Promise.all([this.#ended, endCompanions().catch(() => {})]);
  }
}

async function hold(lease: LeaseInput, onLoss: (error: unknown) => void): Promise<void> {
  try {
    await companions.holdLease(lease);
  } catch (error) {
    if (!isCancellation(error)) onLoss(error);
  }
}

/** Only informs people, so that no failure of it may touch the run. */
async function watch(queues: readonly WorkerKind[]): Promise<void> {
  await companions.watchQueues({ queues }).catch(() => {});
}
