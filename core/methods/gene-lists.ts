import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resource } from '../package-root.js';

export interface GeneList {
  readonly name: string;
  /** Ensembl gene ids without version, in the order of output columns. */
  readonly genes: readonly string[];
  /** sha256 (hex) of the file: one id per line. */
  readonly sha256: string;
}

const loaded = new Map<string, Promise<GeneList>>();

/** A bundled gene list, read once per process: "gs" (3,936 ids) or "gs10k" (10,000 ids). */
export function loadGeneList(name: 'gs' | 'gs10k'): Promise<GeneList> {
  let list = loaded.get(name);
  if (!list) {
    list = readGeneList(name);
    loaded.set(name, list);
  }
  return list;
}

async function readGeneList(name: string): Promise<GeneList> {
  const text = await readFile(resource(`gene-lists/${name}.txt`), 'utf8');
  return { name, genes: text.trimEnd().split('\n'), sha256: createHash('sha256').update(text).digest('hex') };
}
