import type { MethodOrder, MethodScope } from './types.js';

/** What orders say of one chunk: methods that are stopped on it, and methods to compute although their arrays are there. */
export interface ChunkOrders {
  readonly stopped: ReadonlySet<string>;
  readonly overwrite: ReadonlySet<string>;
}

/** The last order about a method on a chunk counts. */
export function ordersOn(orders: readonly MethodOrder[], chunk: number): ChunkOrders {
  const stopped = new Set<string>();
  const overwrite = new Set<string>();
  for (const { order, methods, chunks } of orders) {
    if (chunks !== null && !chunks.includes(chunk)) continue;
    for (const method of methods) {
      if (order === 'stop') stopped.add(method);
      else {
        stopped.delete(method);
        overwrite.add(method);
      }
    }
  }
  return { stopped, overwrite };
}

/** Methods that are stopped on all chunks of [from, to). */
export function stoppedWithin(orders: readonly MethodOrder[], from: number, to: number): ReadonlySet<string> {
  const stopped = new Set<string>();
  for (const { order, methods, chunks } of orders) {
    if (order === 'stop' ? chunks !== null : !reaches({ methods, chunks }, from, to)) continue;
    for (const method of methods) order === 'stop' ? stopped.add(method) : stopped.delete(method);
  }
  return stopped;
}

/** Methods that are stopped wherever no order names the chunk. */
export function stoppedElsewhere(orders: readonly MethodOrder[]): ReadonlySet<string> {
  return ordersOn(orders, NO_CHUNK).stopped;
}

const NO_CHUNK = -1;

/** True where a scope names a chunk of [from, to). */
export const reaches = ({ chunks }: MethodScope, from: number, to: number): boolean =>
  chunks === null || chunks.some((chunk) => chunk >= from && chunk < to);

/** The chunks of [from, to) that a scope names. */
export function chunksWithin({ chunks }: MethodScope, from: number, to: number): number[] {
  if (chunks !== null) return chunks.filter((chunk) => chunk >= from && chunk < to);
  return Array.from({ length: to - from }, (_, offset) => from + offset);
}

/** The part of a scope that lies in chunks [from, to), or null. */
export function narrow<Scope extends MethodScope>(scope: Scope, from: number, to: number): Scope | null {
  if (!reaches(scope, from, to)) return null;
  return { ...scope, chunks: scope.chunks?.filter((chunk) => chunk >= from && chunk < to) ?? null };
}
