import { readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { preparedFolder } from '../dataset/layout.js';
import { readScan } from '../dataset/scan.js';
import { type LoadedPlan, loadPlannedChunk } from '../plan/load-plan.js';
import { tokenNaming, tokensPath } from './prepare-tokens.js';

/**
 * Removes tokens that nothing can use any more: of chunks that the data set does not have, of earlier content of its
 * chunks and of earlier vocabularies of the plan's methods, and what tokenizing left unfinished. Tokens of methods that
 * the plan does not run stay, and so do those of chunks whose content the kept scan does not know. For the end of a run,
 * which holds the lease of the data set.
 */
export async function removeUnusedTokens(loaded: LoadedPlan): Promise<void> {
  const { base, plan } = loaded;
  const root = join(base, preparedFolder(plan.dataset));
  const files = await filesBelow(root);
  if (files.length === 0) return;
  const chunks = new Set<string>();
  const current = new Set<string>();
  const decided = new Set<string>();
  for (let index = 0; index < plan.datasetChunkCount; index++) {
    const { name } = await loadPlannedChunk(loaded, index);
    chunks.add(name);
    const scan = await readScan(base, plan.dataset, name);
    for (const method of plan.methods) {
      const path = scan && method.tokens ? tokensPath(tokenNaming(plan.dataset, method), scan) : null;
      if (path === null) continue;
      current.add(join(base, path));
      decided.add(`${name} ${method.method}`);
    }
  }
  for (const file of files) {
    const [, chunk = '', method = ''] = /^(.+)\/(.+)-[0-9a-f]{64}\.tokens$/.exec(relative(root, file)) ?? [];
    const isUsed = chunks.has(chunk) && (current.has(file) || !decided.has(`${chunk} ${method}`));
    if (!isUsed) await rm(file, { force: true });
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
