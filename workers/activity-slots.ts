import type { ActivitySlotInfo, CustomSlotSupplier, WorkerTuner } from '@temporalio/worker';
import { MemorySlots, type Slot } from '../core/machine/memory-slots.js';

const LOOK_MS = 200;
const FIXED = { type: 'fixed-size', numSlots: 1 } as const;

/** Activities at once: `most`, and fewer while memory is scarce. Only for workers without workflows. */
export function activitySlots(most: number): WorkerTuner {
  const slots = new MemorySlots(most);
  /** Those who wait for a place; memory may also become free by itself, so they look again after a moment. */
  const waiting = new Set<() => void>();
  const untilReleased = (): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, LOOK_MS);
      waiting.add(wake);
    });
  const supplier: CustomSlotSupplier<ActivitySlotInfo> = {
    type: 'custom',
    async reserveSlot(_, signal) {
      for (;;) {
        const slot = slots.take();
        if (slot !== null) return slot;
        await untilReleased();
        // The SDK knows the end of a wait by this very error.
        if (signal.aborted) throw signal.reason;
      }
    },
    tryReserveSlot: () => slots.take(),
    markSlotUsed: ({ permit }) => slots.use(permit as Slot),
    releaseSlot({ permit }) {
      slots.release(permit as Slot);
      for (const wake of [...waiting]) wake();
    },
  };
  return {
    activityTaskSlotSupplier: supplier,
    workflowTaskSlotSupplier: FIXED,
    localActivityTaskSlotSupplier: FIXED,
    nexusTaskSlotSupplier: FIXED,
  };
}
