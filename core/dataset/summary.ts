import type { AnnData } from '../anndata/types.js';
import type { ChunkSummary } from '../methods/types.js';

/** What a chunk's metadata says: columns, layers and shape, without reading any matrix. `name` is "train/chunk_0". */
export async function readSummary(chunk: AnnData, name: string): Promise<ChunkSummary> {
  const [obsColumns, varColumns, layers, x] = await Promise.all([
    chunk.keys('obs'),
    chunk.keys('var'),
    chunk.keys('layers'),
    chunk.matrix('X'),
  ]);
  return { name, cells: chunk.cells, genes: chunk.genes, obsColumns, varColumns, layers, hasX: x !== null };
}
