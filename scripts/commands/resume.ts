import type { Command } from 'commander';
import type { Cli } from '../terminal/cli.js';
import { answerOutcome, withRunning } from '../terminal/steering.js';

export function register(program: Command, cli: Cli): void {
  program
    .command('resume')
    .argument('<workflow-id>', 'e.g. embed-pbmc')
    .summary('a paused run goes on')
    .description('A paused run goes on.')
    .addHelpText('after', '\nExamples:\n  obsmith resume embed-pbmc\n  obsmith resume embed-pbmc --json')
    .action(
      cli.action(async (workflowId: string) => {
        const { steerRun } = await import('../../client/steer-run.js');
        const { resumeUpdate } = await import('../../workflows/messages.js');
        const answer = await withRunning(cli, ({ client }) => steerRun(client, workflowId, resumeUpdate));
        return answerOutcome(workflowId, answer);
      }),
    );
}
