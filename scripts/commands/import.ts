import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { invalidConfig } from '../../core/errors.js';
import type { FileReport, ImportFile, ImportReport } from '../../core/import/types.js';
import type { Cli } from '../terminal/cli.js';
import { formatCount, formatCounted, formatDuration } from '../terminal/format.js';
import { repeatableOption } from '../terminal/options.js';
import { formatTable } from '../terminal/table.js';
import { withProgress } from '../terminal/task-context.js';
import type { Terminal } from '../terminal/terminal.js';

interface ImportFlags {
  readonly dataset: string;
  readonly base?: string;
  readonly chunkSize: number;
  readonly minGenes: number;
  readonly minCells: number;
  readonly trainSplit: number;
  readonly seed: number;
  /** False with --no-split. */
  readonly split: boolean;
  readonly train?: string[];
  readonly val?: string[];
  readonly batchKey?: string;
  readonly countLayer?: string;
  readonly overwrite?: boolean;
}

export function register(program: Command, cli: Cli): void {
  program
    .command('import')
    .argument('[file...]', 'h5ad, 10x .h5, folder with matrix.mtx(.gz), or .tar.gz of such a folder')
    .requiredOption('--dataset <name>', 'name of the data set')
    .option('--base <folder>', 'base folder (default: BASE_FILE_PATH)')
    .option('--chunk-size <cells>', 'cells of a chunk at most', number, 50_000)
    .option('--min-genes <n>', 'drop cells with fewer genes', number, 0)
    .option('--min-cells <n>', 'drop genes in fewer cells of their file', number, 0)
    .option('--train-split <fraction>', 'cells that go to train, the others to val', number, 0.9)
    .option('--seed <n>', 'seed of the split', number, 42)
    .addOption(repeatableOption('--train <file>', 'a file whose cells all go to train (repeatable)'))
    .addOption(repeatableOption('--val <file>', 'a file whose cells all go to val (repeatable)'))
    .option('--no-split', 'no train and val: a test data set with the one split "all"')
    .option('--batch-key <column>', 'obs column to write that names the file of each cell, as a batch')
    .option('--count-layer <name>', 'layer with raw counts (default: found by rule)')
    .option('--overwrite', 'replace a data set of that name')
    .summary('raw h5ad, 10x h5 or 10x mtx -> chunks under processed/')
    .description(
      'Makes chunks of raw files: layers/counts, log-normalised X, var.ensembl_id, obs.n_counts and sample_index, below <base>/processed/. Layers, obsm, varm and uns are carried over.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith import pbmc.h5ad --dataset pbmc --base data\n  obsmith import run1/ run2/ --dataset atlas --batch-key run --min-genes 200 --min-cells 3\n  obsmith import --train donor1.h5ad --train donor2.h5ad --val donor3.h5ad --dataset donors\n  obsmith import held_out.h5 --dataset held_out --no-split',
    )
    .action(
      cli.action(async (files: string[], flags: ImportFlags) => {
        const { importFiles } = await import('../../core/import/import-files.js');
        const options = {
          base: baseOf(cli, flags.base),
          dataset: flags.dataset,
          files: filesOf(cli, files, flags),
          chunkCells: flags.chunkSize,
          minGenes: flags.minGenes,
          minCells: flags.minCells,
          trainSplit: flags.split ? flags.trainSplit : null,
          seed: flags.seed,
          batchKey: flags.batchKey ?? null,
          countLayerKey: flags.countLayer ?? null,
          overwrite: flags.overwrite ?? false,
        };
        const stage = `importing ${flags.dataset}`;
        const report = await withProgress(cli, { stage, unit: 'bytes' }, (ctx) => importFiles(options, ctx));
        return { document: report, print: (terminal) => printReport(terminal, report) };
      }),
    );
}

/** Files without a split are divided at random; the others go to theirs as a whole. */
function filesOf(cli: Cli, files: readonly string[], { train = [], val = [], split }: ImportFlags): ImportFile[] {
  const whole = [
    ...train.map((path) => ({ path, split: 'train' })),
    ...val.map((path) => ({ path, split: 'val' })),
  ] as const;
  if (whole.length > 0 && !split)
    throw invalidConfig('--no-split and --train or --val exclude each other', 'Leave one of them out.');
  const all = [...files.map((path) => ({ path })), ...whole] as ImportFile[];
  if (all.length === 0)
    throw invalidConfig('No file to import is named', 'Name files, or give them with --train and --val.');
  return all.map((file) => ({ ...file, path: resolve(cli.cwd, file.path) }));
}

function baseOf(cli: Cli, flag: string | undefined): string {
  const base = flag ?? cli.env.BASE_FILE_PATH;
  if (base) return resolve(cli.cwd, base);
  throw invalidConfig(
    'No base folder is set',
    'Give --base DIR, or set the environment variable BASE_FILE_PATH, to the folder that gets processed/.',
  );
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

function printReport(terminal: Terminal, report: ImportReport): void {
  for (const file of report.files) printFile(terminal, file);
  terminal.print();
  terminal.print(
    formatTable(
      terminal,
      [{ title: 'chunk' }, { title: 'cells', align: 'right' }, { title: 'genes', align: 'right' }, { title: 'from' }],
      report.chunks.map((chunk) => [chunk.name, formatCount(chunk.cells), formatCount(chunk.genes), chunk.file]),
    ),
  );
  const { colours } = terminal;
  terminal.print(
    `\n${colours.green('imported')} ${formatCounted(report.cells, 'cell')} as ${formatCounted(report.chunks.length, 'chunk')} in ${report.root} (${formatDuration(report.seconds)})`,
  );
  terminal.print(
    `Next: name ${report.dataset} in a configuration like conf/dataset_example.yaml, then ${colours.cyan('obsmith plan CONF')}`,
  );
}

function printFile(terminal: Terminal, file: FileReport): void {
  const { colours } = terminal;
  const { cells, genes, ensembl } = file;
  terminal.print(`${colours.bold(file.path)} (${file.format})`);
  terminal.print(
    `  cells   ${formatCount(cells.kept)} of ${formatCount(cells.read)} kept; genes ${formatCount(genes.kept)} of ${formatCount(genes.read)} kept`,
  );
  terminal.print(
    `  counts  from ${file.counts}${file.rounded > 0 ? `, ${formatCount(file.rounded)} values rounded` : ''}`,
  );
  terminal.print(
    `  Ensembl ids from ${ensembl.source}: ${formatCount(ensembl.mapped)} mapped, ${formatCount(ensembl.missing)} missing, ${formatCount(ensembl.duplicated)} duplicated`,
  );
  if (file.carried.length > 0) terminal.print(`  carried ${file.carried.join(', ')}`);
  for (const { element, reason } of file.leftOut)
    terminal.print(`  ${colours.yellow('left out')} ${element}: ${reason}`);
  for (const note of file.notes) terminal.print(`  ${colours.yellow('note')} ${note}`);
}
