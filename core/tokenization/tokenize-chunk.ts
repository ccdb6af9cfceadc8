import { boundedBlockRows } from '../anndata/sparse-row-blocks.js';
import { type AnnData, READ_ROWS, type RowBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import type { GeneformerBundle } from '../inference/bundle/types.js';
import { COUNTS, refuseNonCounts } from '../methods/counts.js';
import { identifyGenes, readGeneIdsUnlessSymbols, withoutVersion } from '../methods/gene-identity.js';
import { refuseOtherSpecies } from '../methods/gene-match.js';
import type { TaskContext } from '../tasks/types.js';
import { type CellSums, cellFilter, cellSums, isCounted } from './cell-sums.js';
import { arithmeticOf, CellTokenizer } from './cell-tokenizer.js';
import { type GeneReport, type GeneSlots, geneSlots } from './gene-slots.js';
import { createTokenFile, type TokenWriter } from './token-file.js';

/** Below this share of known genes the report warns: symbols, another species, or another annotation. */
const FEW_KNOWN_GENES = 0.25;

/** Counts of genes (see GeneReport) and cells. */
export type TokenReport = GeneReport & {
  /** Where ids come from; "symbols" were looked up in the bundled table. */
  readonly source: 'index' | 'ensembl_id' | 'symbols';
  readonly cells: number;
  /** Cells without a gene of the vocabulary: they have no tokens, and their embedding is zeros. */
  readonly emptyCells: number;
  /** Cells that obs.filter_pass excludes: no tokens either. */
  readonly filteredCells: number;
  /** Cells with more genes than the input has places. */
  readonly truncatedCells: number;
  readonly tokens: number;
  /** What a person should look at. */
  readonly warning?: string;
};

export interface TokenizeRequest {
  readonly input: AnnData;
  /** "train/chunk_0", for messages. */
  readonly name: string;
  readonly bundle: Pick<GeneformerBundle, 'id' | 'tokenizer' | 'vocabulary'>;
  readonly mapSymbols: boolean;
  /** The token file to be made. */
  readonly path: string;
}

/** Tokenizes every cell of a chunk, in row order, into a token file that appears when it is complete. */
export async function tokenizeChunk(request: TokenizeRequest, context: TaskContext): Promise<TokenReport> {
  const { input, name, bundle, path } = request;
  const matrix = await countsOf(input, name);
  const { slots, source } = await slotsOf(request);
  const sums = await cellSums(input, matrix.dtype);
  const arithmetic = arithmeticOf(matrix.encoding, matrix.dtype, sums.dtype);
  const blockRows = boundedBlockRows(matrix, READ_ROWS);
  const writer = await createTokenFile(path, blockRows);
  try {
    const tokenizer = new CellTokenizer(slots, bundle.tokenizer, bundle.vocabulary, arithmetic);
    const pass = new TokenPass(tokenizer, sums, await cellFilter(input), blockRows, bundle.tokenizer.inputSize);
    for await (const block of input.rowBlocks(COUNTS, { blockRows })) {
      context.checkCancelled();
      await pass.write(block, name, writer);
      context.progress(block.start + block.rows, input.cells);
    }
    const report: TokenReport = {
      ...slots.report,
      source,
      cells: input.cells,
      ...pass.counts,
      ...warningOf(slots.report, source, pass.counts.emptyCells),
    };
    await writer.commit(report);
    return report;
  } finally {
    await writer.abandon();
  }
}

/** Blocks of cells through the tokenizer into the file, in one buffer. */
class TokenPass {
  readonly counts = { emptyCells: 0, filteredCells: 0, truncatedCells: 0, tokens: 0 };
  readonly #tokenizer: CellTokenizer;
  readonly #sums: CellSums;
  readonly #passes: (cell: number) => boolean;
  readonly #tokens: Uint16Array;
  readonly #lengths: Uint32Array;

  constructor(
    tokenizer: CellTokenizer,
    sums: CellSums,
    passes: (cell: number) => boolean,
    blockRows: number,
    inputSize: number,
  ) {
    this.#tokenizer = tokenizer;
    this.#sums = sums;
    this.#passes = passes;
    this.#tokens = new Uint16Array(blockRows * inputSize);
    this.#lengths = new Uint32Array(blockRows);
  }

  async write(block: RowBlock, chunkName: string, writer: TokenWriter): Promise<void> {
    let end = 0;
    for (let row = 0; row < block.rows; row++) {
      const start = end;
      const counted = this.#tokenizer.take(block, row);
      if (counted === null) refuseNonCounts(block, chunkName);
      else if (this.#passes(block.start + row)) end = this.#tokenize(block, row, counted, start, chunkName);
      else this.counts.filteredCells++;
      this.#lengths[row] = end - start;
    }
    this.counts.tokens += end;
    await writer.write(this.#tokens.subarray(0, end), this.#lengths.subarray(0, block.rows));
  }

  #tokenize(block: RowBlock, row: number, counted: number, start: number, chunkName: string): number {
    const sum = this.#sums.of(block.start + row, counted);
    const end = isCounted(block, row, sum, chunkName) ? this.#tokenizer.tokenize(sum, this.#tokens, start) : start;
    if (end === start) this.counts.emptyCells++;
    else if (this.#tokenizer.cut) this.counts.truncatedCells++;
    return end;
  }
}

async function countsOf(input: AnnData, name: string) {
  const matrix = await input.matrix(COUNTS);
  if (matrix) return matrix;
  throw invalidInput(`${name} has no ${COUNTS}`, 'Store raw counts in layers/counts.');
}

async function slotsOf({ input, name, bundle, mapSymbols }: TokenizeRequest): Promise<{
  slots: GeneSlots;
  source: TokenReport['source'];
}> {
  const { source, values } = await readGeneIdsUnlessSymbols(input, name, mapSymbols);
  const slots = geneSlots(
    values.map((value) => (value === null ? null : withoutVersion(value))),
    bundle.vocabulary,
  );
  if (slots.report.known > 0) return { slots, source };
  refuseOtherSpecies(await identifyGenes(input), name, bundle.id);
  const shown = (await input.names('var')).slice(0, 3).join(', ');
  throw invalidInput(
    `Missing ensembl_id for Geneformer: none of the ${values.length} genes of ${name} (${shown}, ...) is in the vocabulary of ${bundle.id}`,
    'Add human Ensembl gene ids (ENSG...) as var index or as var.ensembl_id.',
  );
}

function warningOf({ known, genes, knownShare }: GeneReport, source: string, emptyCells: number): { warning?: string } {
  const share = (100 * knownShare).toFixed(1);
  const warnings = [
    ...(knownShare < FEW_KNOWN_GENES
      ? [`only ${known} of ${genes} genes are in the vocabulary (${share} %): check gene ids and species`]
      : []),
    ...(source === 'symbols'
      ? [
          `there are no Ensembl ids: gene symbols were looked up in the bundled table, and ${known} of ${genes} are in the vocabulary`,
        ]
      : []),
    ...(emptyCells > 0 ? [`${emptyCells} cells have no gene of the vocabulary: their embedding is zeros`] : []),
  ];
  return warnings.length > 0 ? { warning: warnings.join('; ') } : {};
}
