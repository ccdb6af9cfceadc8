import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivitySlotInfo, CustomSlotSupplier, WorkerTuner } from '@temporalio/worker';
import { MemorySlots, type Slot } from '../core/machine/memory-slots.js';

const LOOK_MS = 200;
const FIXED = { type: 'fixed-size', numSlots: 1 } as const;

/** Activities at once: `most`, and fewer while memory is scarce. Only for workers without workflows. */
export function activitySlots(most: number): WorkerTuner {
  const slots = new MemorySlots(most);
  const supplier: CustomSlotSupplier<ActivitySlotInfo> = {
    type: 'custom',
    async reserveSlot(_, signal) {
      for (;;) {
        const slot = slots.take();
        if (slot !== null) return slot;
        await sleep(LOOK_MS);
        // The SDK knows the end of a wait by this very error.
        if (signal.aborted) throw signal.reason;
      }
    },
    tryReserveSlot: () => slots.take(),
    markSlotUsed: ({ permit }) => slots.use(permit as Slot),
    releaseSlot: ({ permit }) => slots.release(permit as Slot),
  };
  return {
    activityTaskSlotSupplier: supplier,
    workflowTaskSlotSupplier: FIXED,
    localActivityTaskSlotSupplier: FIXED,
    nexusTaskSlotSupplier: FIXED,
  };
}
