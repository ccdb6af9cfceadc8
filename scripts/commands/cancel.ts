import type { Command } from 'commander';
import type { RunTotals } from '../../workflows/types.js';
import type { Cli, Outcome } from '../terminal/cli.js';
import {
  addScopeOptions,
  answerOutcome,
  messageOf,
  type ScopeOptions,
  steeringCommand,
  withRunning,
} from '../terminal/steering.js';

export function register(program: Command, cli: Cli): void {
  const command = steeringCommand(program, {
    name: 'cancel',
    summary: 'cancels a run, or some of its methods',
    description:
      'Cancels a run and says what is complete. With --method, only these methods: the others go on, and the run ends partial. Published arrays stay; nothing half-written does.',
    examples: ['', '--method pca', '--method pca --chunk train/chunk_0 --json'],
  });
  addScopeOptions(command, 'cancel').action(
    cli.action(async (workflowId: string, options: ScopeOptions) => {
      const { method = [], chunk = [] } = options;
      if (method.length === 0 && chunk.length > 0) {
        const { invalidConfig } = await import('../../core/errors.js');
        throw invalidConfig('--chunk needs --method', 'Name the methods to cancel on these chunks.');
      }
      const { cancelRun, steerRun } = await import('../../client/steer-run.js');
      const { cancelMethodsUpdate } = await import('../../workflows/messages.js');
      return withRunning(cli, async ({ client }) =>
        method.length > 0
          ? answerOutcome(
              workflowId,
              await steerRun(client, workflowId, cancelMethodsUpdate, messageOf(method, options)),
            )
          : cancelledOutcome(workflowId, await cancelRun(client, workflowId)),
      );
    }),
  );
}

/** What a cancelled run had complete; null where it has not ended yet. */
function cancelledOutcome(workflowId: string, totals: RunTotals | null): Outcome {
  if (totals === null) {
    return {
      document: { workflowId, status: 'cancelling' },
      print: (terminal) =>
        terminal.print(`${workflowId} is told to end; it waits for its workers. See \`obsmith status ${workflowId}\`.`),
    };
  }
  const { base: _, plan: __, ...summary } = totals;
  return {
    document: { workflowId, ...summary },
    print(terminal) {
      const { completed, skipped, total } = totals.chunks;
      terminal.print(`${workflowId}: ${totals.status}; ${completed + skipped} of ${total} chunks are complete.`);
      for (const [method, { computed, skipped: there, cancelled }] of Object.entries(totals.methods)) {
        terminal.print(`  ${method}: ${computed + there} arrays complete, ${cancelled} cancelled`);
      }
    },
  };
}
