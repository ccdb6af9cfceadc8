import type { Command } from 'commander';
import type { RunEnd } from '../runs/execute-run.js';
import type { Cli, Outcome } from '../terminal/cli.js';
import { addRequestOptions, type RequestOptions, requestOf } from '../terminal/run-request.js';

interface RunFlags extends RequestOptions {
  readonly detach?: boolean;
  readonly workflowId?: string;
  /** False with --no-workers. */
  readonly workers: boolean;
}

/** Tables with more rows than this are summed up by method. */
export const MOST_ROWS = 40;

export function register(program: Command, cli: Cli): void {
  const command = program
    .command('run')
    .argument('<conf>', 'configuration file (YAML)')
    .summary('embeds a data set, and follows the run until it is done')
    .description(
      'Starts the workflow embedDataset and follows it. Where no Temporal server is running, one is embedded, with workers, for as long as the run needs it.',
    )
    .option('--detach', 'start the run and return (needs a server that stays)')
    .option('--workflow-id <id>', 'id of the workflow (default: embed-<dataset>)')
    .option('--no-workers', 'start no workers on a server that runs already')
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith run conf/dataset_pbmc.yaml\n  obsmith run conf/dataset_pbmc.yaml --methods hvg,pca --chunk train/chunk_0\n  obsmith run conf/dataset_pbmc.yaml --set max_open_chunks=8 --json > run.json',
    );
  addRequestOptions(command).action(
    cli.action(async (conf: string, flags: RunFlags) => {
      const { loadConfig } = await import('../../core/config/load.js');
      const { availableMethods } = await import('../../core/plan/gather.js');
      const { executeRun } = await import('../runs/execute-run.js');
      const config = await loadConfig(conf, { set: flags.set, env: cli.env, cwd: cli.cwd });
      // Workers have working directories and environments of their own, so the base folder is said in full.
      const set = { ...flags.set, base_file_path: config.base };
      const request = requestOf(config.file, { ...flags, set });
      await availableMethods(config, request, cli.env); // Refused here, before a server is started for it.
      const end = await executeRun(cli, {
        ...{ request, config },
        workflowId: flags.workflowId ?? `embed-${config.dataset.name}`,
        base: config.base,
        detach: flags.detach ?? false,
        startWorkers: flags.workers,
      });
      return outcomeOf(end);
    }),
  );
}

/** How a run ended, as table, document and exit code. */
export async function outcomeOf(end: RunEnd): Promise<Outcome> {
  if (end.kind === 'left') return leftOutcome(end);
  const { runRows } = await import('../runs/run-rows.js');
  const { printRun } = await import('../runs/print-run.js');
  const { exitCodeOfRun } = await import('../runs/execute-run.js');
  const rows = await runRows(end.totals, MOST_ROWS);
  return {
    document: end.document,
    exitCode: exitCodeOfRun(end.document),
    print: (terminal) => printRun(terminal, { document: end.document, rows, uiUrl: end.uiUrl }),
  };
}

/** A run that goes on without us: what to type to see it and to end it. */
export function leftOutcome({ run, address, interrupted }: RunEnd & { kind: 'left' }): Outcome {
  const { workflowId, runId } = run;
  return {
    document: { workflowId, runId, status: 'running', address },
    exitCode: interrupted ? 130 : 0,
    print(terminal) {
      terminal.print(`Run ${workflowId} goes on at ${address}.`);
      terminal.print(`  obsmith status ${workflowId}`);
      terminal.print(`  obsmith cancel ${workflowId}`);
    },
  };
}
