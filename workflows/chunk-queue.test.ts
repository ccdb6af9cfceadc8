import { describe, expect, it } from 'vitest';
import { ChunkQueue, type ChunkWork } from './chunk-queue.js';

const drain = (queue: ChunkQueue): ChunkWork[] => {
  const work: ChunkWork[] = [];
  while (queue.hasNext()) {
    work.push(queue.next());
    queue.closed(work.at(-1)!.chunk);
  }
  return work;
};

describe('ChunkQueue', () => {
  it('gives the chunks in order, each once', () => {
    expect(drain(new ChunkQueue([5, 6, 9]))).toEqual([5, 6, 9].map((chunk) => ({ chunk, rerun: null })));
  });

  it('gives reruns of chunks that are through before chunks that have not begun', () => {
    const queue = new ChunkQueue([0, 1, 2]);
    queue.closed(queue.next().chunk);
    expect(queue.restart(0, ['hvg'])).toBe(true);
    expect(drain(queue)).toEqual([
      { chunk: 0, rerun: ['hvg'] },
      { chunk: 1, rerun: null },
      { chunk: 2, rerun: null },
    ]);
  });

  it('lets a rerun wait for the workflow of its chunk, and joins what is asked for meanwhile', () => {
    const queue = new ChunkQueue([0]);
    queue.next();
    expect(queue.restart(0, ['hvg'])).toBe(true);
    expect(queue.restart(0, ['pca', 'hvg'])).toBe(false);
    expect(queue.hasNext()).toBe(false);
    queue.closed(0);
    expect(drain(queue)).toEqual([{ chunk: 0, rerun: ['hvg', 'pca'] }]);
  });

  it('takes a rerun of a chunk that has not begun as part of its first workflow', () => {
    const queue = new ChunkQueue([3, 4]);
    expect(queue.restart(4, ['hvg'])).toBe(false);
    expect(drain(queue)).toHaveLength(2);
  });

  it('holds reruns of chunks that it never had', () => {
    const queue = new ChunkQueue([]);
    expect(queue.restart(7, ['hvg'])).toBe(true);
    expect(drain(queue)).toEqual([{ chunk: 7, rerun: ['hvg'] }]);
  });
});
