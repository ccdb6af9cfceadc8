import { describe, expect, it } from 'vitest';
import { chunksWithin, ordersOn, stoppedElsewhere, stoppedWithin } from './method-orders.js';
import type { MethodOrder } from './types.js';

const stop = (methods: string[], chunks: number[] | null = null): MethodOrder => ({ order: 'stop', methods, chunks });
const restart = (methods: string[], chunks: number[] | null = null): MethodOrder => ({
  ...{ order: 'restart', methods, chunks },
});

describe('orders', () => {
  const orders = [stop(['pca']), stop(['gs'], [1]), restart(['pca'], [600]), restart(['hvg'], [1])];

  it('count on a chunk in the order in which they came', () => {
    expect(ordersOn(orders, 0)).toEqual({ stopped: new Set(['pca']), overwrite: new Set() });
    expect(ordersOn(orders, 1)).toEqual({ stopped: new Set(['pca', 'gs']), overwrite: new Set(['hvg']) });
    expect(ordersOn(orders, 600)).toEqual({ stopped: new Set(), overwrite: new Set(['pca']) });
    expect(ordersOn([...orders, stop(['pca'])], 600).stopped).toEqual(new Set(['pca']));
  });

  it('stop a method on a batch where no chunk of it was restarted', () => {
    expect(stoppedWithin(orders, 0, 500)).toEqual(new Set(['pca']));
    expect(stoppedWithin(orders, 500, 1000)).toEqual(new Set());
    expect(stoppedWithin([stop(['pca'], [0])], 0, 1)).toEqual(new Set());
  });

  it('leave a method stopped elsewhere until it is restarted on all chunks', () => {
    expect(stoppedElsewhere(orders)).toEqual(new Set(['pca']));
    expect(stoppedElsewhere([...orders, restart(['pca'])])).toEqual(new Set());
  });

  it('name the chunks of a batch', () => {
    expect(chunksWithin({ methods: [], chunks: [3, 499, 500] }, 0, 500)).toEqual([3, 499]);
    expect(chunksWithin({ methods: [], chunks: null }, 500, 503)).toEqual([500, 501, 502]);
  });
});
