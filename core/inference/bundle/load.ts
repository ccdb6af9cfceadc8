import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { damagedBundle } from './damaged.js';
import { sha256OfFile } from './file-digest.js';
import { PCA_ARRAYS, readPcaArrays } from './pca-arrays.js';
import { readJson } from './read-json.js';
import {
  type BundleDescription,
  bundleSchema,
  type GeneformerDescription,
  genesSchema,
  vocabularySchema,
} from './schema.js';
import type { Bundle, GeneformerBundle, PcaBundle, ScviBundle, TokenBundle, Vocabulary } from './types.js';
import { vocabularyProblems } from './vocabulary.js';

/** File of a bundle that says what it is. */
export const BUNDLE_FILE = 'bundle.json';
const GRAPH = 'model.onnx';
const VOCABULARY = 'vocab.json';
const GENES = 'genes.json';

/**
 * Opens a bundle and checks all of it: every file against its sha256 sum, dimensions, and the vocabulary or
 * the genes against the model. MissingModel, naming all that is wrong, where it cannot be used.
 */
export async function loadBundle(folder: string): Promise<Bundle> {
  const absolute = resolve(folder);
  const description = await readDescription(absolute);
  await checkFiles(absolute, description, Object.keys(description.sha256));
  const common = {
    id: description.id,
    dim: description.dim,
    folder: absolute,
    sha256: (await sha256OfFile(join(absolute, BUNDLE_FILE)))!,
    files: description.sha256,
    weightBytes: await weightBytes(absolute, description),
    licence: description.licence,
    source: description.source,
    check: description.check,
  } as const;
  if (description.kind === 'pca') {
    const { kind, precision, matchBy } = description;
    const genes = await readGenes(absolute);
    const arrays = await readPcaArrays(absolute, description, genes);
    const genesSha256 = description.sha256[GENES]!;
    return { ...common, kind, precision, matchBy, genes, genesSha256, ...arrays } satisfies PcaBundle;
  }
  const { precision, batching } = description;
  const graph = { ...common, precision, batching, graph: GRAPH } as const;
  if (description.kind === 'scvi') {
    const genes = await readGenes(absolute);
    return { ...graph, kind: 'scvi', genes, genesSha256: description.sha256[GENES]! } satisfies ScviBundle;
  }
  return {
    ...graph,
    kind: 'geneformer',
    series: description.series,
    pooling: description.pooling,
    hiddenStateIndex: description.hiddenStateIndex,
    maxLength: description.maxLength,
    vocabularySize: description.vocabularySize,
    tokenizer: description.tokenizer,
    vocabulary: await readVocabulary(absolute, description),
    vocabularySha256: description.sha256[VOCABULARY]!,
    equalLengthGraph: description.equalLengthGraph,
  } satisfies GeneformerBundle;
}

/**
 * Opens what tokenizing needs of a bundle of geneformer, checked like all of it. The model itself is not looked at: it may
 * be large, and need not be there where tokens are made.
 */
export async function loadTokenBundle(folder: string): Promise<TokenBundle> {
  const absolute = resolve(folder);
  const description = await readDescription(absolute);
  if (description.kind !== 'geneformer')
    throw new TypeError(`tokens are made with bundles of geneformer, not ${description.kind}`);
  await checkFiles(absolute, description, [VOCABULARY]);
  return {
    id: description.id,
    sha256: (await sha256OfFile(join(absolute, BUNDLE_FILE)))!,
    tokenizer: description.tokenizer,
    vocabulary: await readVocabulary(absolute, description),
    vocabularySha256: description.sha256[VOCABULARY]!,
  };
}

async function readGenes(folder: string): Promise<string[]> {
  const genes = await readJson(folder, GENES, genesSchema);
  refuse(folder, new Set(genes).size < genes.length ? [`${GENES} names a gene twice`] : []);
  return genes;
}

async function readVocabulary(folder: string, description: GeneformerDescription): Promise<Vocabulary> {
  const vocabulary = await readJson(folder, VOCABULARY, vocabularySchema);
  refuse(folder, vocabularyProblems(vocabulary, description));
  return vocabulary;
}

/** Of graphs, their weights and arrays, which are what is neither vocabulary nor genes. */
async function weightBytes(folder: string, { sha256 }: BundleDescription): Promise<number> {
  const names = Object.keys(sha256).filter((name) => name !== VOCABULARY && name !== GENES);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What bundle.json says, without looking at the other files. */
export const readDescription = (folder: string): Promise<BundleDescription> =>
  readJson(folder, BUNDLE_FILE, bundleSchema);

/** The files that a bundle must list: its graphs or arrays, and its vocabulary or genes. */
function requiredFiles(description: BundleDescription): string[] {
  if (description.kind === 'pca') return [...PCA_ARRAYS, GENES];
  if (description.kind === 'scvi') return [GRAPH, GENES];
  const { equalLengthGraph } = description;
  return [GRAPH, VOCABULARY, ...(equalLengthGraph === null ? [] : [equalLengthGraph])];
}

async function checkFiles(folder: string, description: BundleDescription, names: readonly string[]): Promise<void> {
  const listed = description.sha256;
  const problems = requiredFiles(description)
    .filter((name) => listed[name] === undefined)
    .map((name) => `${BUNDLE_FILE} has no sha256 sum of ${name}`);
  for (const name of names) {
    const expected = listed[name];
    if (expected === undefined) continue;
    const found = await sha256OfFile(join(folder, name));
    if (found === null) problems.push(`${name} is not there`);
    else if (found !== expected) problems.push(`${name} was changed: expected sha256 ${expected}, found ${found}`);
  }
  refuse(folder, problems);
}

function refuse(folder: string, problems: readonly string[]): void {
  if (problems.length > 0) throw damagedBundle(folder, problems);
}
