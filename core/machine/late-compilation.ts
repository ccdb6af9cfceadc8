import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that a function runs before it is optimized; V8's own measure is a seventh. */
const BUDGET = 500_000;

/**
 * Lets this process optimize later what runs. V8 of Node 20 optimizes functions that ran for a millisecond, which are most
 * of those that load modules and schemas, on threads that take the cores from what computes: 6 % of the CPU time of a run
 * of seconds. Later versions have a cheaper compiler between and know no such flag.
 */
export function compileLate(): void {
  if (process.versions.v8.startsWith('11.')) setFlagsFromString(`--interrupt-budget=${BUDGET}`);
}
