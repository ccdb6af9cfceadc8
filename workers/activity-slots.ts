import type { ActivitySlotInfo, CustomSlotSupplier, WorkerTuner } from '@temporalio/worker';
import { MemorySlots, type Slot } from '../core/machine/memory-slots.js';
import { threadless } from '../core/tasks/threadless.js';

/** Activities that wait for a thread beside those that have one: no core waits for a poll, and methods of one chunk come together. */
const AHEAD = 2;
/** Memory may come free without a word. */
const LOOK_MS = 200;
const FIXED = { type: 'fixed-size', numSlots: 1 } as const;

/**
 * Activities at once: enough for so many threads, and fewer while memory is scarce. Those that need no thread of their own
 * come on top. Only for workers without workflows.
 */
export function activitySlots(threads: number): WorkerTuner {
  const slots = new MemorySlots(() => threads + AHEAD + threadless.value);
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  threadless.onRise(wake);
  const supplier: CustomSlotSupplier<ActivitySlotInfo> = {
    type: 'custom',
    async reserveSlot(_, signal) {
      for (;;) {
        const slot = slots.take();
        if (slot !== null) return slot;
        await nextLook(waiting);
        // The SDK knows the end of a wait by this very error.
        if (signal.aborted) throw signal.reason;
      }
    },
    tryReserveSlot: () => slots.take(),
    markSlotUsed: ({ permit }) => slots.use(permit as Slot),
    releaseSlot({ permit }) {
      slots.release(permit as Slot);
      wake();
    },
  };
  return {
    activityTaskSlotSupplier: supplier,
    workflowTaskSlotSupplier: FIXED,
    localActivityTaskSlotSupplier: FIXED,
    nexusTaskSlotSupplier: FIXED,
  };
}

/** Resolves when it is worth looking for a slot again. */
function nextLook(waiting: Set<() => void>): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      clearTimeout(timer);
      waiting.delete(look);
      resolve();
    };
    const timer = setTimeout(look, LOOK_MS);
    waiting.add(look);
  });
}
