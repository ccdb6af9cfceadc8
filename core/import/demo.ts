import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inputFolder } from '../dataset/layout.js';
import { resource } from '../package-root.js';
import type { TaskContext } from '../tasks/types.js';
import { importFiles } from './import-files.js';
import type { ImportOptions, ImportReport } from './types.js';

export const DEMO_DATASET = 'pbmc_demo';

/** Two real PBMC samples of 200 cells with different gene sets: one chunk to train on, one to validate with. */
const demoOptions = (base: string): ImportOptions => ({
  base,
  dataset: DEMO_DATASET,
  files: [
    { path: resource('demo/pbmc_10k_protein_v3.h5ad'), split: 'train' },
    { path: resource('demo/pbmc_5k_protein_v3.h5ad'), split: 'val' },
  ],
  batchKey: 'batch',
});

/** Imports the bundled PBMC files as the data set `pbmc_demo`: train/chunk_0 and val/chunk_0; null where it is there already. */
export async function importDemo(base: string, ctx: TaskContext): Promise<ImportReport | null> {
  if (existsSync(join(base, inputFolder(true, DEMO_DATASET)))) return null;
  return importFiles(demoOptions(base), ctx);
}
