import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { fixture } from './small-dataset.js';

/** The tiny models of the fixtures for all methods that run one; sections are to follow. */
export const TINY_MODELS = `models_dir: ${JSON.stringify(fixture('models'))}\n`;
export const SCVI = 'embedding_cpu: { methods: [scvi_fm], method_options: { scvi_fm: { model: scvi-tiny } } }\n';
export const GENEFORMER = `
embedding_gpu:
  methods: [geneformer, geneformer-v1]
  chunk_rows: 4
  embedding_dim_map: { geneformer: 32, geneformer-v1: 24 }
  method_options: { geneformer: { model: geneformer-tiny }, geneformer-v1: { model: geneformer-v1-tiny } }
`;

/** What PyTorch gives for the tokens of the genuine tokenizer, cell by cell. */
export async function geneformerReference(model: string, pooling: 'cls' | 'mean'): Promise<number[]> {
  const cells = JSON.parse(gunzipSync(await readFile(fixture(`models/${model}_pbmc-24.json.gz`))).toString());
  return cells.flatMap((cell: Record<'cls' | 'mean', number[]>) => cell[pooling]);
}

/** What scvi-tools gives. */
export async function scviReference(): Promise<number[]> {
  const bytes = await readFile(fixture('models/scvi-tiny_pbmc-24.f32'));
  return [...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))];
}
