import type { Command } from 'commander';
import type { ConnectedClient } from '../../client/connect.js';
import type { ControlAnswer, MethodsMessage } from '../../workflows/types.js';
import type { Cli, Outcome } from './cli.js';
import { repeatableOption } from './options.js';

export interface ScopeOptions {
  readonly method?: string[];
  readonly chunk?: string[];
}

export interface SteeringCommand {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Command lines after "obsmith NAME embed-pbmc"; the last one shows --json. */
  readonly examples: readonly string[];
}

/** A command that tells a run something, which is named by its workflow id. */
export function steeringCommand(program: Command, { name, summary, description, examples }: SteeringCommand): Command {
  const lines = examples.map((example) => `  obsmith ${name} embed-pbmc ${example}`.trimEnd());
  return program
    .command(name)
    .argument('<workflow-id>', 'e.g. embed-pbmc')
    .summary(summary)
    .description(description)
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** Tells a run something without a scope, and shows its answer. */
export function steerAction(cli: Cli, update: 'pauseUpdate' | 'resumeUpdate') {
  return cli.action(async (workflowId: string) => {
    const { steerRun } = await import('../../client/steer-run.js');
    const message = (await import('../../workflows/messages.js'))[update];
    return answerOutcome(workflowId, await withRunning(cli, ({ client }) => steerRun(client, workflowId, message)));
  });
}

/** Methods, and chunks of them, of a command that steers a run. */
export function addScopeOptions(command: Command, verb: string): Command {
  return command
    .addOption(repeatableOption('--method <name>', `${verb} this method (repeatable)`))
    .addOption(repeatableOption('--chunk <split/chunk>', `only on this chunk, e.g. train/chunk_0 (repeatable)`));
}

/** The message that a command line stands for. */
export const messageOf = (methods: readonly string[], { chunk }: ScopeOptions): MethodsMessage => ({
  methods,
  ...(chunk && chunk.length > 0 ? { chunks: chunk } : {}),
});

/** Does something with the server that runs, and closes the connection. */
export async function withRunning<Result>(
  cli: Cli,
  work: (connected: ConnectedClient) => Promise<Result>,
): Promise<Result> {
  const { connectToRunning } = await import('../../client/connect.js');
  const connected = await connectToRunning(cli);
  try {
    return await work(connected);
  } finally {
    await connected.close();
  }
}

export const answerOutcome = (workflowId: string, answer: ControlAnswer): Outcome => ({
  document: { workflowId, ...answer },
  print: (terminal) => terminal.print(`${workflowId}: ${answer.message}`),
});
