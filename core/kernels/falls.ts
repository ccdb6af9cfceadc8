import { KernelMemory } from './kernel-memory.js';

/** Values that the kernel sees at a time: they stay in the first cache. */
const PIECE = 8192;

interface Exports {
  countFalls(from: number, steps: number): number;
}

let memory: KernelMemory<Exports> | undefined;
let piece: Int32Array;

/** How many values are not larger than the one before them (core/kernels/assembly/falls.ts). */
export function countFalls(values: Int32Array): number {
  if (memory === undefined) {
    memory = new KernelMemory<Exports>('falls', PIECE * 4);
    piece = memory.int32(PIECE);
  }
  let falls = 0;
  // Each piece begins with the last value of the one before.
  for (let start = 0; start + 1 < values.length; start += PIECE - 1) {
    const part = values.subarray(start, start + PIECE);
    piece.set(part);
    falls += memory.exports.countFalls(piece.byteOffset, part.length - 1);
  }
  return falls;
}
