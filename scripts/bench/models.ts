import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadGeneList } from '../../core/methods/gene-lists.js';
import { loadSymbolTable } from '../../core/methods/symbol-table.js';
import { built } from '../../core/package-root.js';
import { formatBytes, formatCount } from '../terminal/format.js';
import { benchDataset } from './dataset.js';
import { type Measured, measure } from './measure.js';
import { median } from './median.js';
import { threadEnv } from './peer.js';
import { numbersTable, printReport, REPORT_HELP, REPORT_OPTIONS } from './report.js';

const PARTS = ['tokenization', 'V1-10M', 'V2-104M', 'scvi'] as const;
type Part = (typeof PARTS)[number];

const HELP = `Usage: OBSMITH_BENCH_PYTHON=python npm run bench -- models [options]

Models of real shapes with random weights, exported by scripts/export, against Python on the same cores: rank-value
tokenization against Geneformer's tokenizer (one core), forward passes of Geneformer against PyTorch, scVI against
scvi-tools. Prints cells/s, the ratio to the peer, and peak memory. OBSMITH_BENCH_PYTHON names a Python with
scripts/export/requirements.txt, scvi-tools, scanpy, anndata and datasets.

  --tokenizer FILE  geneformer/tokenizer.py of the Geneformer package; tokenization is left out without it
  --only LIST       default ${PARTS.join(',')}
  --cells N         cells of the simulated data set (4 chunks), default 50000
  --forward N       cells through V1-10M, default 24; a sixth of them through V2-104M
  --repeat N        runs of each, in turn; medians are shown, default 3
  --dir FOLDER      data and models, default obsmith-bench in the folder for temporary files
${REPORT_HELP}`;

const OPTIONS = {
  tokenizer: { type: 'string' },
  only: { type: 'string', default: PARTS.join(',') },
  cells: { type: 'string', default: '50000' },
  forward: { type: 'string', default: '24' },
  repeat: { type: 'string', default: '3' },
  dir: { type: 'string', default: join(tmpdir(), 'obsmith-bench') },
  ...REPORT_OPTIONS,
} as const;

interface Row {
  readonly part: Part;
  readonly name: string;
  readonly cells: number;
  /** Of each run. */
  readonly runs: readonly number[];
  /** Medians over the runs. */
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Who takes part: the rows that a run gives, and what it prints their seconds as. */
interface Contestant {
  readonly rows: Readonly<Record<string, string>>;
  run(): Promise<Measured>;
}

const PEER = fileURLToPath(new URL('peer_models.py', import.meta.url));
const OURS = fileURLToPath(new URL('model-task.mjs', import.meta.url));
/** PyTorch as Geneformer runs it (whole model, padded batches), and without the last block and padding. */
const VARIANTS = ['upstream', 'trimmed-eager', 'trimmed-sdpa'] as const;

/** The suite `models`. */
export async function models(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const python = process.env.OBSMITH_BENCH_PYTHON;
  if (!python) throw new Error('Name a Python with torch, transformers and scvi-tools in OBSMITH_BENCH_PYTHON.');
  const shape = { cells: Number(values.cells), genes: 20_000, chunks: 4, seed: 1, format: 'zarr-v2' } as const;
  const { base, inputs } = await benchDataset(values.dir, shape, ['gs']);
  const bench = new ModelBench(python, join(base, 'models'), inputs, Number(values.repeat));
  const only = new Set(values.only.split(','));
  const rows: Row[] = [];
  if (only.has('tokenization') && values.tokenizer) rows.push(...(await bench.tokenization(values.tokenizer)));
  const forward = Number(values.forward);
  if (only.has('V1-10M')) rows.push(...(await bench.forward('V1-10M', forward)));
  if (only.has('V2-104M')) rows.push(...(await bench.forward('V2-104M', Math.ceil(forward / 6))));
  if (only.has('scvi')) rows.push(...(await bench.scvi()));
  await printReport(
    { suite: 'models', cores: availableParallelism(), node: process.version, rows },
    table(rows),
    values,
  );
}

class ModelBench {
  readonly #python: string;
  readonly #folder: string;
  readonly #inputs: readonly string[];
  readonly #repeat: number;

  constructor(python: string, folder: string, inputs: readonly string[], repeat: number) {
    this.#repeat = repeat;
    this.#python = python;
    this.#folder = folder;
    this.#inputs = inputs;
  }

  /** The first chunk, as raw counts: seconds of CPU of either, reading included; obsmith always writes its tokens. */
  async tokenization(tokenizer: string): Promise<Row[]> {
    const model = await this.#made('V2-104M', (genes, out) => ['make-geneformer', 'V2-104M', genes, out]);
    const raw = join(this.#folder, 'raw.h5ad');
    if (!existsSync(raw)) await this.#peer('raw-h5ad', this.#inputs[0]!, raw);
    const dataset = join(this.#folder, 'tokens.dataset');
    return this.#rows('tokenization', [
      { rows: { 'Geneformer, tokens only': 'seconds' }, run: () => this.#peer('tokenize', tokenizer, model, raw) },
      { rows: { 'Geneformer, written': 'seconds' }, run: () => this.#peer('tokenize', tokenizer, model, raw, dataset) },
      { rows: { obsmith: 'seconds' }, run: () => this.#tokenized(model, 0) },
    ]);
  }

  async forward(part: 'V1-10M' | 'V2-104M', cells: number): Promise<Row[]> {
    const model = await this.#made(part, (genes, out) => ['make-geneformer', part, genes, out]);
    await this.#tokenized(model, cells);
    const tokens = tokensOf(model);
    return this.#rows(part, [
      ...VARIANTS.map((variant) => ({
        rows: { [`PyTorch, ${variant}`]: 'seconds' },
        run: () => this.#peer('forward', model, tokens, variant),
      })),
      { rows: { obsmith: 'seconds' }, run: () => this.#ours('forward', join(model, 'bundle'), tokens) },
    ]);
  }

  /** All chunks, reading included; scvi-tools without it, too. */
  async scvi(): Promise<Row[]> {
    const model = await this.#made('scvi', (genes, out) => ['make-scvi', genes, out]);
    const threads = String(availableParallelism());
    return this.#rows('scvi', [
      {
        rows: { 'scvi-tools': 'seconds', 'scvi-tools, cells in memory': 'secondsInMemory' },
        run: () => this.#peer('scvi', model, ...this.#inputs),
      },
      {
        rows: { obsmith: 'seconds' },
        run: () => this.#ours('scvi', join(model, 'bundle'), threads, ...this.#inputs),
      },
    ]);
  }

  #tokenized(model: string, kept: number) {
    const file = join(model, 'chunk.tokens');
    return this.#ours('tokenize', join(model, 'bundle'), this.#inputs[0]!, file, String(kept));
  }

  /** A model's folder, made once: checkpoint, dictionaries, bundle. */
  async #made(name: string, command: (genesFile: string, out: string) => string[]): Promise<string> {
    const folder = join(this.#folder, name);
    if (existsSync(folder)) return folder;
    process.stderr.write(`making ${folder}\n`);
    const partial = `${folder}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const genes = join(this.#folder, 'genes.txt');
    await writeFile(genes, (await realGenes()).join('\n'));
    await this.#peer(...command(genes, partial));
    await rename(partial, folder);
    return folder;
  }

  #peer(...args: string[]): Promise<Measured> {
    return succeed(measure(this.#python, [PEER, ...args], threadEnv()), `the peer's ${args[0]}`);
  }

  #ours(...args: string[]): Promise<Measured> {
    return succeed(measure(process.execPath, [OURS, built('.'), ...args]), `obsmith's ${args[0]}`);
  }

  /** Everybody in turn, as often as was asked for. */
  async #rows(part: Part, contestants: readonly Contestant[]): Promise<Row[]> {
    const runs = contestants.map((): Measured[] => []);
    for (let round = 0; round < this.#repeat; round++) {
      for (const [at, { run }] of contestants.entries()) runs[at]!.push(await run());
    }
    return contestants.flatMap(({ rows }, at) =>
      Object.entries(rows).map(([name, printed]) => rowOf(part, name, printed, runs[at]!)),
    );
  }
}

function rowOf(part: Part, name: string, printed: string, runs: readonly Measured[]): Row {
  const found = runs.map(({ stdout }) => JSON.parse(stdout) as { cells: number; [seconds: string]: number });
  const seconds = found.map((run) => run[printed]!);
  const peakBytes = median(runs.map((run) => run.peakBytes));
  return { part, name, cells: found[0]!.cells, runs: seconds, seconds: median(seconds), peakBytes };
}

async function succeed(measuring: Promise<Measured>, what: string): Promise<Measured> {
  const measured = await measuring;
  if (measured.code === 0) return measured;
  throw new Error(`${what} ended with exit code ${measured.code}`);
}

const tokensOf = (model: string): string => join(model, 'chunk.tokens.json');

/** Genes that the simulated data has, its most frequent ids first. */
async function realGenes(): Promise<string[]> {
  const lists = await Promise.all([loadGeneList('gs10k'), loadGeneList('gs')]);
  return [...new Set([...lists.flatMap((list) => list.genes), ...(await loadSymbolTable()).values()])];
}

/** Ratio: the speed of obsmith by that of the peer. */
function table(rows: readonly Row[]): string {
  const speed = ({ cells, seconds }: Row) => cells / seconds;
  return numbersTable(
    ['', 'cells', 'cells/s', 'ratio', 'peak memory'],
    rows.map((row) => {
      const ours = rows.find(({ part, name }) => part === row.part && name === 'obsmith');
      const rate = speed(row);
      return [
        `${row.part}: ${row.name}`,
        formatCount(row.cells),
        rate < 100 ? rate.toFixed(2) : formatCount(Math.round(rate)),
        ours && ours !== row ? (speed(ours) / rate).toFixed(2) : '',
        formatBytes(row.peakBytes),
      ];
    }),
  );
}
