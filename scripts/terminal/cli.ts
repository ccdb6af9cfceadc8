import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { type ErrorType, isObsmithError } from '../../core/errors.js';
import { PACKAGE_ROOT } from '../../core/package-root.js';
import { errorDocument, formatError } from './problems.js';
import { type Host, Terminal } from './terminal.js';

/** 0 ok, 1 failed, 2 usage or configuration (nothing was started), 3 partial, 130 cancelled. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** What a command ends with: the document of `--json`, the same for people, and the exit code. */
export interface Outcome {
  readonly document: unknown;
  readonly exitCode?: ExitCode;
  print(terminal: Terminal): void;
}

/** Handed to every command. */
export interface Cli extends Host {
  readonly terminal: Terminal;
  /** Wraps a command's work for commander's `action`: exactly one outcome or one error comes of it. */
  action<Arguments extends unknown[]>(
    work: (...args: Arguments) => Promise<Outcome>,
  ): (...args: Arguments) => Promise<void>;
}

export interface CommandModule {
  register(program: Command, cli: Cli): void;
}

/** A command file: the commands that it registers, and how it is loaded (only when it is needed). */
export interface CommandEntry {
  readonly names: readonly string[];
  load(): Promise<CommandModule>;
}

/** Errors that are found before anything was started. */
const BEFORE_WORK: ReadonlySet<ErrorType> = new Set([
  'InvalidConfig',
  'MissingModel',
  'InsufficientSpace',
  'LeaseHeld',
]);

/** Runs one command line (without node and script) and gives its exit code. Never throws, never exits the process. */
export async function runCommandLine(
  argv: readonly string[],
  commands: readonly CommandEntry[],
  host: Host,
): Promise<ExitCode> {
  const json = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined).includes('--json');
  const terminal = new Terminal(host, json);
  let outcome: Outcome | undefined;
  const cli: Cli = {
    ...host,
    terminal,
    action:
      (work) =>
      async (...args) => {
        outcome = await work(...args);
      },
  };
  const help: string[] = [];
  try {
    const program = await buildProgram(argv, commands, cli, help);
    await program.parseAsync(argv, { from: 'user' });
    if (outcome === undefined) throw new Error(`The command ended without an outcome: ${argv.join(' ')}`);
    if (json) terminal.printDocument(outcome.document);
    else outcome.print(terminal);
    return outcome.exitCode ?? 0;
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, help.join(''), commandOf(argv), cli);
    terminal.drawLive('');
    if (json) terminal.printDocument(errorDocument(error));
    terminal.log(formatError(error, terminal.logColours));
    return exitCodeOf(error);
  }
}

/** The exit code that an error thrown by a command stands for. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isObsmithError(error)) return 1;
  if (error.type === 'Cancelled') return 130;
  return error.refusal || BEFORE_WORK.has(error.type) ? 2 : 1;
}

async function buildProgram(
  argv: readonly string[],
  commands: readonly CommandEntry[],
  cli: Cli,
  help: string[],
): Promise<Command> {
  const program = new Command('obsmith')
    .description('Durable pipeline that adds embeddings (obsm/X_<method>) to chunked single-cell AnnData data sets.')
    .version(packageVersion(), '-V, --version')
    .option('--json', 'print exactly one JSON document on stdout')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => help.push(text),
      writeErr: (text) => help.push(text),
      getOutHelpWidth: () => Math.min(cli.terminal.width, 110),
      getErrHelpWidth: () => Math.min(cli.terminal.width, 110),
      getOutHasColors: () => cli.terminal.colours.isColorSupported,
    })
    .configureHelp({
      styleTitle: (text) => cli.terminal.colours.bold(text),
      styleCommandText: (text) => cli.terminal.colours.cyan(text),
      styleSubcommandText: (text) => cli.terminal.colours.cyan(text),
      styleOptionText: (text) => cli.terminal.colours.green(text),
    })
    .showSuggestionAfterError()
    .addHelpText('after', EXAMPLES);
  // commander copies these settings to subcommands as they are added, so all of them stand above this line.
  const command = commandOf(argv);
  const named = commands.filter((entry) => entry.names.some((name) => name === command));
  const needed = named.length > 0 ? named : commands;
  for (const module of await Promise.all(needed.map((entry) => entry.load()))) module.register(program, cli);
  return program;
}

/**
 * Help and version are results, the help also where no command is named; everything else that commander throws is a usage error.
 * Where a subcommand is missing, it shows the help, too, but with an exit code of its own.
 */
function endOfParsing(error: CommanderError, output: string, command: string | undefined, cli: Cli): ExitCode {
  const { terminal, stdout } = cli;
  const lacksSubcommand =
    error.code === 'commander.help' && error.exitCode !== 0 && command !== undefined && command !== 'help';
  const isHelp = error.code.startsWith('commander.help') && !lacksSubcommand;
  if (isHelp || error.code === 'commander.version') {
    if (terminal.json) terminal.printDocument(isHelp ? { help: output } : { version: output.trim() });
    else stdout.write(output);
    return 0;
  }
  const message = lacksSubcommand
    ? `${command} lacks its subcommand`
    : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const remedy = 'Run `obsmith --help` for the commands, `obsmith COMMAND --help` for the options of one.';
  if (terminal.json) terminal.printDocument({ error: { type: 'Usage', message, remedy, problems: [] } });
  const colours = terminal.logColours;
  terminal.log(`${colours.red('error')} ${message}\n  ${colours.green('→')} ${remedy}`);
  return 2;
}

const commandOf = (argv: readonly string[]): string | undefined => argv.find((word) => !word.startsWith('-'));

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}

const EXAMPLES = `
Examples:
  obsmith demo                                       everything once, on bundled real data
  obsmith import pbmc.h5ad --dataset pbmc            raw counts -> chunks under processed/
  obsmith plan conf/dataset_pbmc.yaml                what a run would do; changes nothing
  obsmith run conf/dataset_pbmc.yaml                 embeds, and follows until it is done
  obsmith run conf/dataset_pbmc.yaml --methods hvg,pca --set embedding_cpu.overwrite=true
  obsmith inspect processed_with_emb/train/pbmc/train/chunk_0.zarr --genes

Exit codes: 0 ok, 1 failed, 2 usage or configuration (nothing was started), 3 partial, 130 cancelled.`;
