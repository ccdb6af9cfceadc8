import { expect, it } from 'vitest';
import { MemorySlots } from './memory-slots.js';

const MIB = 2 ** 20;

/** A machine of so many MiB, on which each activity takes `each` some seconds after it began. */
class Machine {
  time = 0;
  used = 100;
  readonly mib: number;
  constructor(mib: number) {
    this.mib = mib;
  }
  available = (): number => (this.mib - this.used) * MIB;
  rss = (): number => this.used * MIB;
  now = (): number => this.time;
}

it('gives out no more places than it was told to', () => {
  const slots = new MemorySlots(() => 3, new Machine(100_000));
  expect([1, 2, 3, 4].map(() => slots.take() !== null)).toEqual([true, true, true, false]);
});

it('always has one place, also without memory', () => {
  const slots = new MemorySlots(() => 8, new Machine(0));
  const first = slots.take();
  expect(first).not.toBeNull();
  expect(slots.take()).toBeNull();
  slots.release(first!);
  expect(slots.take()).not.toBeNull();
});

it('counts places whose activity has not taken its memory yet', () => {
  const slots = new MemorySlots(() => 8, new Machine(100 + 3 * 256));
  expect([1, 2, 3, 4].map(() => slots.take() !== null)).toEqual([true, true, true, false]);
});

it('learns what an activity needs, and never starts more than fit', () => {
  const machine = new Machine(100 + 4_500);
  const slots = new MemorySlots(() => 8, machine);
  const first = slots.take()!;
  slots.use(first);
  machine.time = 20_000;
  machine.used += 2_000; // The first has settled: 2,500 MiB are left, room for one more of its kind.
  const second = slots.take();
  expect(second).not.toBeNull();
  expect(slots.take()).toBeNull();
  slots.use(second!);
  machine.time = 40_000;
  machine.used += 2_000;
  expect(slots.take()).toBeNull();
  slots.release(first);
  machine.used -= 2_000;
  expect(slots.take()).not.toBeNull();
});
