import { CancellationScope, isCancellation } from '@temporalio/workflow';

/**
 * Runs work whose failure must not stop its siblings. Where this workflow is being cancelled, the cancellation goes on
 * upwards; a child that somebody cancelled alone is a failure like any other.
 */
export async function isolate(work: () => Promise<void>, onFailure: (error: unknown) => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isCancellation(error) && CancellationScope.current().consideredCancelled) throw error;
    await onFailure(error);
  }
}

/** Waits until all have ended, also when some were cancelled, and then throws the first error if there was one. */
export async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}
