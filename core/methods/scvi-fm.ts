import { join } from 'node:path';
import { z } from 'zod';
import type { DenseBlock, RowBlock, SparseBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import { damagedBundle } from '../inference/bundle/damaged.js';
import type { ScviBundle } from '../inference/bundle/types.js';
import { type ModelSession, openSession } from '../inference/session.js';
import { log1p } from '../kernels/log.js';
import { COUNTS, countsProblems, isCount, refuseNonCounts } from './counts.js';
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
  algorithmVersion: 2,
  source: 'counts',
  device: 'cpu',
  options,
  bundle: () => 'scvi',
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
  const input = inputOf(session, model);
  const batchRows = device === 'cpu' ? BATCH_ROWS : Math.min(BATCH_ROWS, settings.batchSize);
  const encoder = new Encoder(session, input, model, match.positions, batchRows);
  return {
    source: 'counts',
    provenance: { genesDigest: model.genesSha256 },
    report: { ...match.report, ...coverageWarning(match, model) },
    async embed(block, out) {
      if (!(await encoder.embed(block, out))) refuseNonCounts(block, scan.name);
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

/** What the graph takes: its input is named after it. */
function inputOf({ shapes }: ModelSession, { folder, graph, genes, dim }: ScviBundle): 'log1p' | 'counts' {
  const input = shapes.has('log1p') ? 'log1p' : 'counts';
  const problems = [
    ...(shapes.get(input)?.[1] === genes.length
      ? []
      : [`${graph} takes ${shapes.get(input)?.[1] ?? 'no'} counts per cell, but genes.json has ${genes.length}`]),
    ...(shapes.get('latent')?.[1] === dim
      ? []
      : [`${graph} gives ${shapes.get('latent')?.[1] ?? 'no'} latent dimensions, but bundle.json says ${dim}`]),
  ];
  if (problems.length > 0) throw damagedBundle(folder, problems);
  return input;
}

function coverageWarning({ found }: GeneMatch, { genes, id }: ScviBundle): Record<string, Json> {
  if (found >= LOW_COVERAGE * genes.length) return {};
  const share = ((100 * found) / genes.length).toFixed(1);
  return {
    warning: `${found} of the ${genes.length} genes of the model ${id} were found (${share} %); the others are 0`,
  };
}

/** Counts whose logarithms are looked up: nearly all. */
const SMALL_COUNTS = 4096;

/** Fills dense batches with what the model takes of its genes, and runs them. */
class Encoder {
  readonly #session: ModelSession;
  readonly #input: 'log1p' | 'counts';
  /** Per column its place in a row. */
  readonly #slots: Int32Array;
  readonly #genes: number;
  readonly #dim: number;
  readonly #batchRows: number;
  readonly #row: Float32Array;
  readonly #batch: Float32Array;
  readonly #valueOf: (count: number) => number;
  readonly #smallValues: Float32Array;

  constructor(
    session: ModelSession,
    input: 'log1p' | 'counts',
    { genes, dim }: ScviBundle,
    positions: Int32Array,
    batchRows: number,
  ) {
    this.#session = session;
    this.#input = input;
    this.#genes = genes.length;
    this.#dim = dim;
    this.#batchRows = batchRows;
    // Whether the model has a column's gene cannot be foreseen: those that it lacks go to a place behind the row.
    this.#slots = positions.map((position) => (position < 0 ? genes.length : position));
    this.#row = new Float32Array(genes.length + 1);
    this.#batch = new Float32Array(batchRows * genes.length);
    this.#valueOf = input === 'log1p' ? log1p : (count) => count;
    this.#smallValues = Float32Array.from({ length: SMALL_COUNTS }, (_, count) => this.#valueOf(count));
  }

  /** Fills `out` (rows x dim). False where a value of the block is no count: then it is left unfinished. */
  async embed(block: RowBlock, out: Float32Array): Promise<boolean> {
    for (let first = 0; first < block.rows; first += this.#batchRows) {
      const rows = Math.min(this.#batchRows, block.rows - first);
      if (!this.#fill(block, first, rows)) return false;
      const { latent } = await this.#session.run({
        [this.#input]: { data: this.#batch, dims: [this.#batchRows, this.#genes] },
      });
      out.set(latent!.subarray(0, rows * this.#dim), first * this.#dim);
    }
    return true;
  }

  #fill(block: RowBlock, first: number, rows: number): boolean {
    for (let row = 0; row < rows; row++) {
      this.#row.fill(0);
      const counts =
        block.kind === 'sparse' ? this.#takeSparse(block, first + row) : this.#takeDense(block, first + row);
      if (!counts) return false;
      this.#batch.set(this.#row.subarray(0, this.#genes), row * this.#genes);
    }
    this.#batch.fill(0, rows * this.#genes);
    return true;
  }

  #takeSparse({ indptr, indices, values }: SparseBlock, row: number): boolean {
    const slots = this.#slots;
    const taken = this.#row;
    const smallValues = this.#smallValues;
    const end = indptr[row + 1]!;
    for (let at = indptr[row]!; at < end; at++) {
      const count = values[at]!;
      const whole = count | 0;
      if (whole === count && whole >= 0 && whole < SMALL_COUNTS) taken[slots[indices[at]!]!] = smallValues[whole]!;
      else if (isCount(count)) taken[slots[indices[at]!]!] = this.#valueOf(count);
      else return false;
    }
    return true;
  }

  #takeDense({ values, columns }: DenseBlock, row: number): boolean {
    const source = row * columns;
    for (let column = 0; column < columns; column++) {
      const count = values[source + column]!;
      if (count === 0) continue;
      if (!isCount(count)) return false;
      this.#row[this.#slots[column]!] = this.#smallValues[count] ?? this.#valueOf(count);
    }
    return true;
  }
}
