import type { MethodScope } from './types.js';

/** Methods that are stopped on a chunk. */
export const stoppedOn = (scopes: readonly MethodScope[], chunk: number): ReadonlySet<string> =>
  new Set(scopes.filter(({ chunks }) => chunks === null || chunks.includes(chunk)).flatMap(({ methods }) => methods));

/** Methods that are stopped on all chunks. */
export const stoppedEverywhere = (scopes: readonly MethodScope[]): ReadonlySet<string> =>
  new Set(scopes.filter(({ chunks }) => chunks === null).flatMap(({ methods }) => methods));
