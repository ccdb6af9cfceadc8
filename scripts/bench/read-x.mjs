// Reads X of the stores in workerData with the built code, the rows divided over threads, and posts the decoded bytes.
import { parentPort, workerData } from 'node:worker_threads';

const { module, stores, thread, threads, blockRows } = workerData;
const { openAnnData } = await import(module);

parentPort.on('message', async () => {
  let bytes = 0;
  for (const path of stores) {
    const store = await openAnnData(path);
    const rows = Math.ceil(store.cells / threads / blockRows) * blockRows;
    const range = {
      start: Math.min(store.cells, thread * rows),
      end: Math.min(store.cells, (thread + 1) * rows),
      blockRows,
    };
    for await (const { indptr, indices, values } of store.rowBlocks('X', range)) {
      bytes += (indptr?.byteLength ?? 0) + (indices?.byteLength ?? 0) + values.byteLength;
    }
    await store.close();
  }
  parentPort.postMessage(bytes);
});
