import { z } from 'zod';
import type { Json } from '../../methods/types.js';

/** What the exporters write; see README.md beside this file. Keys that are not listed are ignored. */
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a sha256 sum (64 hexadecimal digits)');
/** Files lie in the bundle's folder itself. */
const fileName = z.string().regex(/^[\w-][\w.-]*$/, 'expected the name of a file in the bundle, without folders');
/** An id becomes a folder name. */
const id = z.string().regex(/^[\w-][\w.-]{0,99}$/, 'expected letters, digits, "_", "-" and "." (not first)');
const count = z.int().min(1);

const common = {
  format: z.literal('obsmith-bundle'),
  formatVersion: z.literal(1),
  id,
  dim: count,
  sha256: z.record(fileName, sha256),
  licence: z.string(),
  source: z.custom<Json>().default(null),
  check: z.custom<Json>().default(null),
};

const graph = {
  ...common,
  precision: z.enum(['fp32', 'fp16', 'int8']),
  batching: z.enum(['any', 'equal-length-only']),
};

/** Tokens are kept as 16-bit numbers. */
const LARGEST_VOCABULARY = 65_536;

const geneformer = z.object({
  ...graph,
  kind: z.literal('geneformer'),
  series: z.enum(['V1', 'V2']),
  pooling: z.enum(['cls', 'mean']),
  hiddenStateIndex: z.int().min(0),
  maxLength: count,
  vocabularySize: count.max(LARGEST_VOCABULARY),
  tokenizer: z.object({
    targetSum: z.number().positive(),
    specialToken: z.boolean(),
    inputSize: z.int().min(3),
    tieBreak: z.literal('stable'),
  }),
  equalLengthGraph: fileName.nullable().default(null),
});

const scvi = z.object({ ...graph, kind: z.literal('scvi') });

const pca = z.object({
  ...common,
  kind: z.literal('pca'),
  precision: z.literal('fp64'),
  matchBy: z.enum(['ensembl-id', 'name']),
});

export const bundleSchema = z.discriminatedUnion('kind', [geneformer, scvi, pca]);
export type BundleDescription = z.infer<typeof bundleSchema>;
export type GeneformerDescription = z.infer<typeof geneformer>;
export type PcaDescription = z.infer<typeof pca>;

const token = z.int().min(0);

export const vocabularySchema = z.object({
  genes: z.array(z.string().min(1)).min(1),
  tokens: z.array(token),
  medians: z.array(z.number().positive()),
  aliases: z.record(z.string(), z.string()),
  unmapped: z.array(z.string()).default([]),
  special: z.record(z.string(), token),
});

export const genesSchema = z.array(z.string().min(1)).min(1);
