import { expect, it } from 'vitest';
import { chunkState } from './chunk-state.js';
import type { MethodOutcome } from './journal.js';

type States = Readonly<Record<string, MethodOutcome['state']>>;

const stateOf = (states: States, cancelledMethods: readonly string[] | 'run' = []) =>
  chunkState(
    new Map(Object.entries(states).map(([method, state]) => [method, { state }])),
    cancelledMethods === 'run' ? { cancelled: true } : { cancelled: false, cancelledMethods },
  );

it('is decided by the methods that nobody cancelled', () => {
  expect(stateOf({ gs: 'computed', pca: 'cancelled' }, ['pca'])).toBe('completed');
  expect(stateOf({ gs: 'skipped', pca: 'cancelled' }, ['pca'])).toBe('skipped');
  expect(stateOf({ gs: 'failed', pca: 'cancelled' }, ['pca'])).toBe('failed');
  expect(stateOf({ gs: 'computed', pca: 'cancelled' })).toBe('completed'); // Cancelled on this chunk alone.
  expect(stateOf({ gs: 'cancelled', pca: 'cancelled' }, ['pca', 'gs'])).toBe('cancelled');
});

it('of a run that was cancelled as a whole is cancelled where something is left to do', () => {
  expect(stateOf({ gs: 'computed', pca: 'cancelled' }, 'run')).toBe('cancelled');
  expect(stateOf({ gs: 'computed', pca: 'skipped' }, 'run')).toBe('completed');
  const outcomes = new Map([
    ['gs', { state: 'computed' as const }],
    ['pca', { state: 'cancelled' as const }],
  ]);
  expect(chunkState(outcomes, { cancelled: true, cancelledMethods: ['pca'] })).toBe('completed');
});
