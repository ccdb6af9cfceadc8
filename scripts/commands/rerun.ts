import type { Command } from 'commander';
import type { Cli } from '../terminal/cli.js';
import { addScopeOptions, messageOf, type ScopeOptions, withRunning } from '../terminal/steering.js';
import { outcomeOf } from './run.js';

export function register(program: Command, cli: Cli): void {
  const command = program
    .command('rerun')
    .argument('<workflow-id>', 'e.g. embed-pbmc')
    .summary('computes arrays of a run again')
    .description(
      'Computes the named arrays of a closed run again: starts a run of the same id and configuration with that scope, and follows it. Fits are reused, other arrays are not touched.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith rerun embed-pbmc --method hvg\n  obsmith rerun embed-pbmc --method hvg --method pca --chunk train/chunk_0 --json',
    );
  addScopeOptions(command, 'compute').action(
    cli.action(async (workflowId: string, options: ScopeOptions) => {
      const { invalidConfig } = await import('../../core/errors.js');
      const { loadConfig } = await import('../../core/config/load.js');
      const { availableMethods } = await import('../../core/plan/gather.js');
      const { requestToRerun } = await import('../../client/rerun-request.js');
      const { executeRun } = await import('../runs/execute-run.js');
      const { method = [] } = options;
      if (method.length === 0)
        throw invalidConfig('rerun needs --method', `E.g. \`obsmith rerun ${workflowId} --method pca\`.`);
      const message = messageOf(method, options);
      const request = await withRunning(cli, ({ client }) => requestToRerun(client, workflowId, message));
      const config = await loadConfig(request.config, { set: request.set ?? {}, env: cli.env, cwd: cli.cwd });
      await availableMethods(config, request, cli.env); // Refused here, before a run is started for it.
      const run = { request, workflowId, base: config.base, detach: false, startWorkers: true };
      return outcomeOf(await executeRun(cli, run));
    }),
  );
}
