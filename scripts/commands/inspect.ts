import { resolve } from 'node:path';
import type { Command } from 'commander';
import type {
  ColumnInspection,
  DatasetInspection,
  ObsmInspection,
  StoreInspection,
} from '../../core/anndata/inspect.js';
import type { Cli } from '../terminal/cli.js';
import { formatCount } from '../terminal/format.js';
import { formatFacts, formatTable } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

export function register(program: Command, cli: Cli): void {
  program
    .command('inspect')
    .argument('<path>', 'a store (zarr or h5ad), or a data-set folder with a dataset.json')
    .option('--genes', 'list the genes behind the columns of each array')
    .summary('what is in a store: shape, layers, columns, obsm with provenance')
    .description(
      'What is in a store: shape, layers, obs and var columns, obsm with shape, dtype and provenance. Reads no matrix.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith inspect processed_with_emb/train/pbmc/train/chunk_0.zarr\n  obsmith inspect chunk_0.zarr --genes\n  obsmith inspect processed_with_emb/train/pbmc --json',
    )
    .action(
      cli.action(async (path: string, flags: { genes?: boolean }) => {
        const { inspectStore } = await import('../../core/anndata/inspect.js');
        const inspection = await inspectStore(resolve(cli.cwd, path));
        return {
          document: inspection,
          print(terminal) {
            if (inspection.kind === 'dataset') printDataset(terminal, inspection);
            else if (flags.genes) printGenes(terminal, inspection);
            else printStore(terminal, inspection);
          },
        };
      }),
    );
}

function printStore(terminal: Terminal, store: StoreInspection): void {
  const { colours } = terminal;
  const facts: [string, string][] = [
    ['store', `${colours.bold(store.path)} (${store.format})`],
    ['shape', `${formatCount(store.cells)} cells x ${formatCount(store.genes)} genes`],
  ];
  for (const [path, { encoding, dtype, stored }] of Object.entries(store.matrices)) {
    facts.push([path, `${encoding} ${dtype}, ${formatCount(stored)} values`]);
  }
  facts.push(['obs', columnList(store.obs)], ['var', columnList(store.var)]);
  for (const name of ['varm', 'obsp', 'varp', 'uns'] as const)
    if (store[name].length > 0) facts.push([name, store[name].join(', ')]);
  terminal.print(formatFacts(terminal, facts));
  terminal.print();
  if (store.obsm.length === 0) {
    terminal.print('no obsm arrays');
    return;
  }
  terminal.print(
    formatTable(
      terminal,
      [
        { title: 'obsm' },
        { title: 'shape', align: 'right' },
        { title: 'dtype' },
        { title: 'chunks' },
        { title: 'codecs' },
        { title: 'made by' },
        { title: 'parameters' },
      ],
      store.obsm.map((array) => [
        array.key,
        array.shape?.join(' x ') ?? '–',
        array.dtype ?? '–',
        array.chunks?.join(' x ') ?? '–',
        array.codecs?.join(', ') ?? '–',
        madeBy(array),
        array.provenance?.parameters === undefined ? '' : JSON.stringify(array.provenance.parameters),
      ]),
    ),
  );
}

function printGenes(terminal: Terminal, store: StoreInspection): void {
  const listed = store.obsm.filter((array) => array.genes !== null);
  if (listed.length === 0) terminal.print(`no array of ${store.path} lists its genes`);
  for (const array of listed) {
    terminal.print(terminal.colours.bold(`${array.key}: ${formatCount(array.genes!.length)} genes`));
    terminal.print(array.genes!.join('\n'));
  }
}

function printDataset(terminal: Terminal, { path, dataset }: DatasetInspection): void {
  terminal.print(
    formatFacts(terminal, [
      ['data set', `${terminal.colours.bold(dataset.dataset)} (${path})`],
      ['chunks', `${formatCount(dataset.chunks.length)} with ${formatCount(dataset.cells)} cells`],
      ['methods', dataset.methods.join(', ') || 'none'],
    ]),
  );
  terminal.print();
  terminal.print(
    formatTable(
      terminal,
      [{ title: 'chunk' }, { title: 'cells', align: 'right' }, { title: 'genes', align: 'right' }, { title: 'arrays' }],
      dataset.chunks.map((chunk) => [
        chunk.name,
        formatCount(chunk.cells),
        formatCount(chunk.genes),
        Object.entries(chunk.arrays)
          .map(([key, array]) => `${key} (${array.shape.at(-1)})`)
          .join(', ') || 'none',
      ]),
    ),
  );
  for (const failure of dataset.failures)
    terminal.print(`${terminal.colours.red('failed')} ${failure.chunk} ${failure.method}: ${failure.message}`);
  for (const warning of dataset.warnings) terminal.print(`${terminal.colours.yellow('warning')} ${warning}`);
}

function columnList(columns: readonly ColumnInspection[]): string {
  const kind = ({ kind, dtype, categories }: ColumnInspection) =>
    categories === null ? (dtype ?? kind) : `${formatCount(categories)} categories`;
  return columns.map((column) => `${column.name} (${kind(column)})`).join(', ') || 'no columns';
}

function madeBy({ provenance, inherited }: ObsmInspection): string {
  if (inherited) return 'others (was in the input)';
  return provenance === null ? 'others' : String(provenance.method);
}
