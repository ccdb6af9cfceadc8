import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '../../errors.js';
import type { LinearModel } from '../../methods/linear-model.js';
import { damagedBundle } from './damaged.js';
import type { PcaDescription } from './schema.js';

const COMPONENTS = 'components.f64';
const PCA_MEAN = 'pca_mean.f64';
const SCALER_MEAN = 'scaler_mean.f64';
const SCALER_SCALE = 'scaler_scale.f64';

/** The arrays that a bundle of pca must list; the scaler's may be absent. */
export const PCA_ARRAYS = [COMPONENTS, PCA_MEAN];

const ENSEMBL_GENE = /^ENS[A-Z]*\d{6,}$/;
const NUMBER_BYTES = Float64Array.BYTES_PER_ELEMENT;

/** The arrays of a bundle of pca, whose sha256 sums were checked. MissingModel, naming all that does not fit together. */
export async function readPcaArrays(
  folder: string,
  { dim, sha256, matchBy }: PcaDescription,
  genes: readonly string[],
): Promise<Omit<LinearModel, 'genes' | 'dim'>> {
  const problems: string[] = [];
  const read = async (name: string, rows: number): Promise<Float64Array> => {
    const bytes = await readBytes(join(folder, name));
    const expected = rows * genes.length * NUMBER_BYTES;
    if (bytes.byteLength !== expected) {
      const shape = rows === 1 ? `${genes.length} genes` : `${rows} components x ${genes.length} genes`;
      problems.push(`${name} has ${bytes.byteLength} bytes, but ${shape} of float64 are ${expected}`);
      return new Float64Array(0);
    }
    const values = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const strange = values.findIndex((value) => !Number.isFinite(value));
    if (strange >= 0) problems.push(`${name} has ${values[strange]} at position ${strange}`);
    return values;
  };
  const optional = async (name: string, absent: number): Promise<Float64Array> =>
    sha256[name] === undefined ? new Float64Array(genes.length).fill(absent) : read(name, 1);
  const arrays = {
    components: await read(COMPONENTS, dim),
    pcaMean: await read(PCA_MEAN, 1),
    scalerMean: await optional(SCALER_MEAN, 0),
    scalerScale: await optional(SCALER_SCALE, 1),
  };
  const scale = arrays.scalerScale.findIndex((value) => value <= 0);
  if (scale >= 0)
    problems.push(`${SCALER_SCALE} has ${arrays.scalerScale[scale]} for ${genes[scale]}; above 0 was expected`);
  const other = matchBy === 'ensembl-id' ? genes.find((gene) => !ENSEMBL_GENE.test(gene)) : undefined;
  if (other !== undefined)
    problems.push(`matchBy is "ensembl-id", but genes.json has "${other}", which is no Ensembl id without version`);
  if (problems.length > 0) throw damagedBundle(folder, problems);
  return arrays;
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fromSystemError(error, path);
  }
}
