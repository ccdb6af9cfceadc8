import { join } from 'node:path';
import { z } from 'zod';
import type { RowBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import { damagedBundle } from '../inference/bundle/damaged.js';
import type { ScviBundle } from '../inference/bundle/types.js';
import { type ModelSession, openSession } from '../inference/session.js';
import { COUNTS, countsProblems, refuseNonCounts } from './counts.js';
import { geneIdentityElements } from './gene-identity.js';
import { type GeneMatch, matchGenes } from './gene-match.js';
import type { Embedder, EmbedInput, Json, Method } from './types.js';

const NAME = 'scvi_fm';
const USUAL_DIM = 50;
/**
 * Cells per batch, the last one padded with empty cells: batches of one form, so that rows never depend on how many there
 * are. On a GPU, whose memory may be too small for it, batch_size may make it less.
 */
const BATCH_ROWS = 128;
/** With fewer of the model's genes its latent space says little; scvi-tools warns below the same share. */
const LOW_COVERAGE = 0.8;

const options = z.strictObject({
  /** Id of a bundle in the models folder, or the path of one. */
  model: z.string().min(1).default(NAME),
});

type ScviOptions = z.infer<typeof options>;

/**
 * Latent means of a trained scVI model: raw counts of the model's genes (0 where a chunk lacks one), log1p, encoder, mean
 * of q(z|x). As scvi-tools' get_latent_representation(give_mean=True) of a query with an unseen batch.
 */
export const scviFm: Method<ScviOptions> = {
  name: NAME,
  algorithmVersion: 1,
  source: 'counts',
  device: 'cpu',
  options,
  bundle: 'scvi',
  sparseOutput: false,
  resolveDim: (configured) => configured ?? USUAL_DIM,
  reads: (_settings, chunk) => [COUNTS, ...geneIdentityElements(chunk)],
  problems: (_settings, chunk) => countsProblems(NAME, chunk),
  fitRounds: () => [],
  open: openEncoder,
};

async function openEncoder({ settings, chunk, scan, model: given }: EmbedInput<ScviOptions>): Promise<Embedder> {
  if (given?.bundle.kind !== 'scvi') throw new TypeError('scvi_fm is opened with a bundle of scvi, found by planning');
  const { bundle: model, device } = given;
  const match = await matchGenes(chunk, { name: NAME, genes: model.genes }, { chunkName: scan.name, minCoverage: 0 });
  refuseDuplicates(match, scan.name);
  const session = await openSession(
    { path: join(model.folder, model.graph), sha256: model.files[model.graph]! },
    device,
  );
  refuseOtherShapes(session, model);
  const batchRows = device === 'cpu' ? BATCH_ROWS : Math.min(BATCH_ROWS, settings.batchSize);
  const encoder = new Encoder(session, model, match.positions, batchRows);
  return {
    source: 'counts',
    provenance: { genesDigest: model.genesSha256 },
    report: { ...match.report, ...coverageWarning(match, model) },
    async embed(block, out) {
      refuseNonCounts(block, scan.name);
      await encoder.embed(block, out);
    },
  };
}

/** Which of two columns scvi-tools would take is anybody's guess, and it refuses such data, too. */
function refuseDuplicates({ duplicated }: GeneMatch, chunkName: string): void {
  if (duplicated.length === 0) return;
  throw invalidInput(
    `${chunkName} has several columns for ${duplicated.length} genes of the model of ${NAME}: ${duplicated.slice(0, 5).join(', ')}${duplicated.length > 5 ? ', ...' : ''}`,
    'Sum the counts of such columns, or keep one of them; versions of ids ("ENSG00000000003.15") do not tell genes apart.',
  );
}

function refuseOtherShapes({ shapes }: ModelSession, { folder, graph, genes, dim }: ScviBundle): void {
  const problems = [
    ...(shapes.get('counts')?.[1] === genes.length
      ? []
      : [`${graph} takes ${shapes.get('counts')?.[1] ?? 'no'} counts per cell, but genes.json has ${genes.length}`]),
    ...(shapes.get('latent')?.[1] === dim
      ? []
      : [`${graph} gives ${shapes.get('latent')?.[1] ?? 'no'} latent dimensions, but bundle.json says ${dim}`]),
  ];
  if (problems.length > 0) throw damagedBundle(folder, problems);
}

function coverageWarning({ found }: GeneMatch, { genes, id }: ScviBundle): Record<string, Json> {
  if (found >= LOW_COVERAGE * genes.length) return {};
  const share = ((100 * found) / genes.length).toFixed(1);
  return {
    warning: `${found} of the ${genes.length} genes of the model ${id} were found (${share} %); the others are 0`,
  };
}

/** Fills dense batches with the counts of the model's genes and runs them. */
class Encoder {
  readonly #session: ModelSession;
  readonly #positions: Int32Array;
  readonly #genes: number;
  readonly #dim: number;
  readonly #batchRows: number;
  readonly #batch: Float32Array;

  constructor(session: ModelSession, { genes, dim }: ScviBundle, positions: Int32Array, batchRows: number) {
    this.#session = session;
    this.#positions = positions;
    this.#genes = genes.length;
    this.#dim = dim;
    this.#batchRows = batchRows;
    this.#batch = new Float32Array(batchRows * genes.length);
  }

  async embed(block: RowBlock, out: Float32Array): Promise<void> {
    for (let first = 0; first < block.rows; first += this.#batchRows) {
      const rows = Math.min(this.#batchRows, block.rows - first);
      this.#fill(block, first, rows);
      const { latent } = await this.#session.run({
        counts: { data: this.#batch, dims: [this.#batchRows, this.#genes] },
      });
      out.set(latent!.subarray(0, rows * this.#dim), first * this.#dim);
    }
  }

  #fill(block: RowBlock, first: number, rows: number): void {
    const batch = this.#batch.fill(0);
    const positions = this.#positions;
    const { values } = block;
    for (let row = 0; row < rows; row++) {
      const target = row * this.#genes;
      if (block.kind === 'sparse') {
        const end = block.indptr[first + row + 1]!;
        for (let at = block.indptr[first + row]!; at < end; at++) {
          const position = positions[block.indices[at]!]!;
          if (position >= 0) batch[target + position] = values[at]!;
        }
      } else {
        const source = (first + row) * block.columns;
        for (let column = 0; column < block.columns; column++) {
          const position = positions[column]!;
          if (position >= 0) batch[target + position] = values[source + column]!;
        }
      }
    }
  }
}
