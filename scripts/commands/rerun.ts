import type { Command } from 'commander';
import type { Cli } from '../terminal/cli.js';
import {
  addScopeOptions,
  answerOutcome,
  messageOf,
  type ScopeOptions,
  steeringCommand,
  withRunning,
} from '../terminal/steering.js';
import { outcomeOf } from './run.js';

export function register(program: Command, cli: Cli): void {
  const command = steeringCommand(program, {
    name: 'rerun',
    summary: 'computes arrays of a run again',
    description:
      'Computes the named arrays again, finished ones too. A run that goes on does it by itself; a closed one is started anew with the same id, configuration and that scope, and followed. Fits are reused, other arrays are not touched.',
    examples: ['--method hvg', '--method hvg --method pca --chunk train/chunk_0 --json'],
  });
  addScopeOptions(command, 'compute').action(
    cli.action(async (workflowId: string, options: ScopeOptions) => {
      const { invalidConfig } = await import('../../core/errors.js');
      const { loadConfig } = await import('../../core/config/load.js');
      const { availableMethods } = await import('../../core/plan/gather.js');
      const { requestRerun } = await import('../../client/rerun-request.js');
      const { executeRun } = await import('../runs/execute-run.js');
      const { method = [] } = options;
      if (method.length === 0)
        throw invalidConfig('rerun needs --method', `E.g. \`obsmith rerun ${workflowId} --method pca\`.`);
      const message = messageOf(method, options);
      const rerun = await withRunning(cli, ({ client }) => requestRerun(client, workflowId, message));
      if (rerun.kind === 'told') return answerOutcome(workflowId, rerun.answer);
      const { request } = rerun;
      const config = await loadConfig(request.config, {
        ...{ set: request.set ?? {}, env: cli.env, cwd: cli.cwd },
        ofOtherMachine: true,
      });
      await availableMethods(config, request, cli.env); // Refused here, before a run is started for it.
      const run = { request, workflowId, base: config.base, detach: false, startWorkers: true };
      return outcomeOf(await executeRun(cli, run));
    }),
  );
}
