import type { LinearModel } from '../../methods/linear-model.js';
import type { Json } from '../../methods/types.js';

/** What every bundle has: a folder with `bundle.json` and the files whose sha256 sums it lists. */
interface BundleBase {
  readonly id: string;
  /** Columns of the embedding. */
  readonly dim: number;
  readonly precision: 'fp64' | 'fp32' | 'fp16' | 'int8';
  /** Absolute folder. */
  readonly folder: string;
  /** sha256 (hex) of bundle.json, which lists those of all files: names the model in provenance. */
  readonly sha256: string;
  /** File name relative to the folder -> sha256 (hex), as listed and found. */
  readonly files: Readonly<Record<string, string>>;
  /** Bytes of graphs and weights. */
  readonly weightBytes: number;
  readonly licence: string;
  /** Where the weights come from, and the exporter's own check against its reference; for people. */
  readonly source: Json;
  readonly check: Json;
}

/** What bundles have that ONNX Runtime runs. */
interface GraphBundle extends BundleBase {
  readonly precision: 'fp32' | 'fp16' | 'int8';
  /** The ONNX graph, relative to the folder; batches of it may be composed as `batching` says. */
  readonly graph: 'model.onnx';
  /** any: rows of any kind side by side (a mask tells padding); equal-length-only: the graph ignores the mask, padding gives wrong results. */
  readonly batching: 'any' | 'equal-length-only';
}

/** Settings of the rank-value tokenizer. */
export interface TokenizerSettings {
  /** Counts are scaled to this sum per cell. */
  readonly targetSum: number;
  /** Wraps cells in `<cls>` ... `<eos>`. */
  readonly specialToken: boolean;
  /** Tokens of a cell at most, special ones included. */
  readonly inputSize: number;
  /** Equal values keep the order of columns. */
  readonly tieBreak: 'stable';
}

/** `vocab.json`. Genes, tokens and medians go together by position. */
export interface Vocabulary {
  /** Ensembl ids. */
  readonly genes: readonly string[];
  readonly tokens: readonly number[];
  /** Medians of non-zero normalised expression, which rank values are divided by; above 0. */
  readonly medians: readonly number[];
  /** Other Ensembl ids (upper case) of genes -> the gene in the vocabulary. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Genes that are in the vocabulary but that the mapping lacks, so that they are found only by an alias. */
  readonly unmapped: readonly string[];
  /** "<pad>", "<mask>", "<cls>", "<eos>" -> token */
  readonly special: Readonly<Record<string, number>>;
}

/** Graph inputs `input_ids` and `attention_mask` (int64, batch x length); outputs `cls` and `mean` (float, batch x dim). */
export interface GeneformerBundle extends GraphBundle {
  readonly kind: 'geneformer';
  readonly series: 'V1' | 'V2';
  /** The output that is the embedding. */
  readonly pooling: 'cls' | 'mean';
  /** hidden_states[...] that the outputs are taken from; later blocks are not in the graph. */
  readonly hiddenStateIndex: number;
  /** Positions that the model has. */
  readonly maxLength: number;
  /** Rows of the model's token embedding; every token is below it. */
  readonly vocabularySize: number;
  readonly tokenizer: TokenizerSettings;
  readonly vocabulary: Vocabulary;
  /** sha256 (hex) of vocab.json. */
  readonly vocabularySha256: string;
  /** A second, faster graph with the same inputs and the output that `pooling` names. It ignores the mask: equal lengths only. Null where there is none. */
  readonly equalLengthGraph: string | null;
}

/** What tokenizing needs of a bundle of geneformer. */
export type TokenBundle = Pick<GeneformerBundle, 'id' | 'sha256' | 'tokenizer' | 'vocabulary' | 'vocabularySha256'>;

/** Graph input `log1p` or `counts` (float, cells x genes: ln(1 + count), or raw counts; 0 for absent genes); output `latent` (float, cells x dim). */
export interface ScviBundle extends GraphBundle {
  readonly kind: 'scvi';
  /** genes.json: names of the input columns, in order. */
  readonly genes: readonly string[];
  /** sha256 (hex) of genes.json. */
  readonly genesSha256: string;
}

/** Principal components that were fitted elsewhere; needs no ONNX Runtime. */
export interface PcaBundle extends BundleBase, LinearModel {
  readonly kind: 'pca';
  readonly precision: 'fp64';
  /** What genes.json holds: Ensembl ids without version, or names as they stand in the var index. */
  readonly matchBy: 'ensembl-id' | 'name';
  /** sha256 (hex) of genes.json. */
  readonly genesSha256: string;
}

/** A model that can be run, checked when it was loaded. */
export type Bundle = GeneformerBundle | ScviBundle | PcaBundle;
export type BundleKind = Bundle['kind'];
