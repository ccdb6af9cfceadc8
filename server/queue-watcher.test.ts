import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isThere } from './queue-watcher.js';

const NOW = 1_000_000_000;
const polledAgo = (ms: number) => ({ seconds: (NOW - ms) / 1000 });

describe('isThere', () => {
  it('knows a worker of this machine by its process', () => {
    const gone = spawnSync('true').pid;
    expect(isThere({ identity: `${process.pid}@${hostname()}`, lastAccessTime: polledAgo(1000) }, 5000, NOW)).toBe(
      true,
    );
    expect(isThere({ identity: `${gone}@${hostname()}`, lastAccessTime: polledAgo(1000) }, 5000, NOW)).toBe(false);
  });

  it('knows a worker of another machine by when it polled', () => {
    const identity = '7@another-machine';
    expect(isThere({ identity, lastAccessTime: polledAgo(4000) }, 5000, NOW)).toBe(true);
    expect(isThere({ identity, lastAccessTime: polledAgo(6000) }, 5000, NOW)).toBe(false);
  });
});
