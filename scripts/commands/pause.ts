import type { Command } from 'commander';
import type { Cli } from '../terminal/cli.js';
import { answerOutcome, withRunning } from '../terminal/steering.js';

export function register(program: Command, cli: Cli): void {
  program
    .command('pause')
    .argument('<workflow-id>', 'e.g. embed-pbmc')
    .summary('a run starts nothing new')
    .description('A run starts nothing new (chunks, methods, steps of a fit); what workers have begun is finished.')
    .addHelpText('after', '\nExamples:\n  obsmith pause embed-pbmc\n  obsmith pause embed-pbmc --json')
    .action(
      cli.action(async (workflowId: string) => {
        const { steerRun } = await import('../../client/steer-run.js');
        const { pauseUpdate } = await import('../../workflows/messages.js');
        const answer = await withRunning(cli, ({ client }) => steerRun(client, workflowId, pauseUpdate));
        return answerOutcome(workflowId, answer);
      }),
    );
}
