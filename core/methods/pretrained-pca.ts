import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ObsmithError } from '../errors.js';
import { resource } from '../package-root.js';
import { loadGeneList } from './gene-lists.js';
import type { LinearModel } from './linear-model.js';

/** The cross-dataset PCA of mengerj/adata_hf_datasets: 50 components over the 10,000 Ensembl gene ids of gs10k. */
export interface PretrainedPca extends LinearModel {
  readonly id: string;
  /** sha256 (hex) of model.json, which holds the sha256 of every array. */
  readonly sha256: string;
}

const arraySchema = z.object({ file: z.string(), shape: z.array(z.int()), sha256: z.string() });
const modelSchema = z.object({
  id: z.string(),
  arrays: z.object({
    components: arraySchema,
    pca_mean: arraySchema,
    scaler_mean: arraySchema,
    scaler_scale: arraySchema,
  }),
});

let loaded: Promise<PretrainedPca> | undefined;

/** The bundled model, read and checked against its sha256 sums once per process; MissingModel where a file was changed. */
export function loadPretrainedPca(): Promise<PretrainedPca> {
  loaded ??= readPretrainedPca();
  return loaded;
}

async function readPretrainedPca(): Promise<PretrainedPca> {
  const description = await readFile(resource('pretrained-pca/model.json'));
  const { id, arrays } = modelSchema.parse(JSON.parse(description.toString('utf8')));
  const [list, components, pcaMean, scalerMean, scalerScale] = await Promise.all([
    loadGeneList('gs10k'),
    readBytes(arrays.components),
    readBytes(arrays.pca_mean),
    readBytes(arrays.scaler_mean),
    readBytes(arrays.scaler_scale),
  ]);
  return {
    id,
    sha256: createHash('sha256').update(description).digest('hex'),
    genes: list.genes,
    dim: arrays.components.shape[0]!,
    components: new Float32Array(components),
    pcaMean: new Float32Array(pcaMean),
    scalerMean: new Float64Array(scalerMean),
    scalerScale: new Float64Array(scalerScale),
  };
}

async function readBytes(array: z.infer<typeof arraySchema>): Promise<ArrayBuffer> {
  const path = resource(`pretrained-pca/${array.file}`);
  const bytes = await readFile(path);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== array.sha256) {
    throw new ObsmithError({
      type: 'MissingModel',
      message: `${path} was changed: expected sha256 ${array.sha256}, found ${found}`,
      remedy: 'Install Obsmith again (npm ci), or restore the file from the repository.',
    });
  }
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}
