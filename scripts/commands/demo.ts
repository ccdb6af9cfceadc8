import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { fromSystemError } from '../../core/errors.js';
import type { RunReport } from '../runs/print-run.js';
import type { Cli, Outcome } from '../terminal/cli.js';
import { withProgress } from '../terminal/task-context.js';
import type { Terminal } from '../terminal/terminal.js';
import { leftOutcome, MOST_ROWS } from './run.js';

interface DemoFlags {
  readonly base: string;
  readonly overwrite?: boolean;
}

export function register(program: Command, cli: Cli): void {
  program
    .command('demo')
    .option('--base <folder>', 'where the demo data set goes', 'demo-data')
    .option('--overwrite', 'compute arrays that are there already again')
    .summary('everything once, on bundled real data')
    .description(
      'Imports two bundled PBMC samples as a data set of two chunks (train and val) and embeds it with hvg, pca, gs, gs10k, scvi_fm and geneformer. Models are demo-scvi and demo-geneformer, small ones with random weights. Server and workers are embedded where none are running. Started again, it skips what is there.',
    )
    .addHelpText('after', '\nExamples:\n  obsmith demo\n  obsmith demo --base /tmp/demo --overwrite')
    .action(cli.action((flags: DemoFlags) => demo(cli, flags)));
}

async function demo(cli: Cli, flags: DemoFlags): Promise<Outcome> {
  const { DEMO_DATASET, importDemo } = await import('../../core/import/demo.js');
  const { resource } = await import('../../core/package-root.js');
  const { executeRun, exitCodeOfRun } = await import('../runs/execute-run.js');
  const { runRows } = await import('../runs/run-rows.js');
  const { printRun } = await import('../runs/print-run.js');
  const base = resolve(cli.cwd, flags.base);
  await mkdir(base, { recursive: true }).catch((error: unknown) => {
    throw fromSystemError(error, base);
  });
  await withProgress(cli, { stage: 'importing two PBMC samples', unit: 'bytes' }, (ctx) => importDemo(base, ctx));
  const config = join(base, `dataset_${DEMO_DATASET}.yaml`);
  await writeFile(config, configuration(DEMO_DATASET, base, resource('demo/models')));
  const end = await executeRun(cli, {
    request: { config, ...(flags.overwrite ? { overwrite: true } : {}) },
    workflowId: `embed-${DEMO_DATASET}`,
    base,
    detach: false,
    startWorkers: true,
  });
  if (end.kind === 'left') return leftOutcome(end);
  const report = { document: end.document, rows: await runRows(end.totals, MOST_ROWS), uiUrl: end.uiUrl };
  return {
    document: end.document,
    exitCode: exitCodeOfRun(end.document),
    print(terminal) {
      printRun(terminal, report);
      printNext(terminal, report, config);
    },
  };
}

const configuration = (dataset: string, base: string, models: string): string => `# Written by \`obsmith demo\`.
# The demo-* models have random weights: X_scvi_fm and X_geneformer say nothing about cells.
dataset:
  name: ${dataset}
base_file_path: ${JSON.stringify(base)}
batch_key: batch
models_dir: ${JSON.stringify(models)}
embedding_cpu:
  methods: [hvg, pca, gs, gs10k, scvi_fm]
  method_options:
    scvi_fm: { model: demo-scvi }
embedding_gpu: # without a GPU, its workers use the CPU
  methods: [geneformer]
  embedding_dim_map: { geneformer: 64 }
  method_options:
    geneformer: { model: demo-geneformer }
`;

function printNext(terminal: Terminal, { document: { outputs } }: RunReport, config: string): void {
  const [output] = outputs;
  if (output === undefined) return;
  terminal.print(`
Open it in Python:
  import anndata
  adata = anndata.read_zarr(${JSON.stringify(output)})
  adata.obsm["X_pca"]  # one row per cell

X_scvi_fm and X_geneformer are of the models demo-scvi and demo-geneformer, which have random weights: they say nothing
about cells. Real models are added as bundles (README.md, "Models").

Next:
  npx obsmith inspect ${output}
  npx obsmith run ${config} --methods hvg --overwrite`);
}
