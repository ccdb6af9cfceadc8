/**
 * Embeds cells one by one into the only row block of a staged array, slowly, and prints each row that it begins:
 * `slow-embedding.ts FOLDER ATTEMPT ROW_MS SAVE_MS [KILL_AT]`. With the last, it is killed with -9 (by itself, so that it is
 * never too late) once it has begun so many rows.
 */
import { claimStagedArray } from '../core/anndata/publish/staged-array.js';
import type { ChunkScan } from '../core/dataset/types.js';
import { embedBlocks } from '../core/embed/embed-blocks.js';
import { matrixBlocks } from '../core/embed/embedder-rows.js';
import type { Embedder } from '../core/methods/types.js';
import { QUIET } from '../core/tasks/types.js';
import { memoryAnnData } from './memory-anndata.js';

const CELLS = 40;
const DIM = 2;

const [folder = '', attempt = '', rowMs = '0', saveMs = '0', killAt] = process.argv.slice(2);
let begun = 0;
const ids = Array.from({ length: CELLS }, (_, row) => `cell${row}`);
const rows = ids.map((_, row) => [row + 0.5, 0.25]);
const input = memoryAnnData({ cells: ids, genes: ['a', 'b'], X: { encoding: 'csr', dtype: 'float32', rows } });
const scan = { name: 'train/chunk_0', cells: CELLS, expression: 'X' } as ChunkScan;
const embedder: Embedder = {
  source: 'expression',
  provenance: {},
  report: {},
  async embed(block, out) {
    for (let row = 0; row < block.rows; row++) {
      process.stdout.write(`${block.start + row}\n`);
      begun++;
      if (begun === Number(killAt)) process.kill(process.pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, Number(rowMs)));
      out.set([block.start + row, 1 / (block.start + row + 1)], row * DIM);
    }
  },
};
const staged = await claimStagedArray(
  { folder, key: 'X_slow', attempt, signature: 'slow' },
  { rows: CELLS, dim: DIM, chunkRows: 16_384, format: 'zarr-v2', compressed: false },
);
const blocks = matrixBlocks('expression', input, scan);
await embedBlocks({ blocks, scan, embedder, staged, dim: DIM, saveAfterMs: Number(saveMs) }, QUIET);
await staged.seal({ method: 'slow' });
