import { describe, expect, it } from 'vitest';
import { SharedWindow } from './shared-window.js';

/** Records the signals that a batch gets. */
function member(told: string[]) {
  return {
    async signal(definition: string | { readonly name: string }, ...args: unknown[]): Promise<void> {
      told.push([typeof definition === 'string' ? definition : definition.name, ...args].join(' '));
    },
  };
}

describe('SharedWindow', () => {
  it('divides the places among open batches and tells those that have started', () => {
    const window = new SharedWindow(64);
    const told: string[] = [];
    const first = window.join();
    expect(first.size).toBe(64);
    window.started(first, member(told));
    const second = window.join();
    expect(second.size).toBe(32);
    expect(told).toEqual(['resizeWindow 32']);
    window.leave(second);
    expect(told).toEqual(['resizeWindow 32', 'resizeWindow 64']);
  });

  it('tells a batch on its start what changed while it was starting', () => {
    const window = new SharedWindow(10);
    const told: string[] = [];
    const starting = window.join();
    window.join();
    window.pause();
    expect(told).toEqual([]);
    window.started(starting, member(told));
    expect(told).toEqual(['resizeWindow 5', 'pause']);
  });

  it('never gives less than one place, and pauses all batches together', () => {
    const window = new SharedWindow(1);
    const told: string[] = [];
    const shares = [window.join(), window.join()];
    expect(shares.map(({ size }) => size)).toEqual([1, 1]);
    for (const share of shares) window.started(share, member(told));
    window.pause();
    window.resume();
    expect(told).toEqual(['pause', 'pause', 'resume', 'resume']);
  });
});
