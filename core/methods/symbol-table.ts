import { readFile } from 'node:fs/promises';
import { resource } from '../package-root.js';

let loaded: Promise<ReadonlyMap<string, string>> | undefined;

/**
 * Human gene symbol -> Ensembl gene id (GENCODE), read once per process. A symbol with several ids maps to its
 * protein-coding gene, then to the lowest id; resources/README.md has the rule and the origin.
 */
export function loadSymbolTable(): Promise<ReadonlyMap<string, string>> {
  loaded ??= readSymbolTable();
  return loaded;
}

async function readSymbolTable(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(resource('genes/symbols-homo-sapiens.tsv'), 'utf8');
  const table = new Map<string, string>();
  for (const line of text.trimEnd().split('\n')) {
    const tab = line.indexOf('\t');
    table.set(line.slice(0, tab), line.slice(tab + 1));
  }
  return table;
}
