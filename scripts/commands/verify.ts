import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { ResolvedConfig } from '../../core/config/types.js';
import type { VerifiedInput } from '../../core/dataset/verify-inputs.js';
import type { OutputToVerify, VerifiedOutput } from '../../core/dataset/verify-outputs.js';
import type { Problem } from '../../core/errors.js';
import type { Json } from '../../core/methods/types.js';
import { shortPath } from '../../core/short-path.js';
import type { Cli, Outcome } from '../terminal/cli.js';
import { formatCount, formatCounted } from '../terminal/format.js';
import { setOption } from '../terminal/options.js';
import { formatProblem } from '../terminal/problems.js';
import { type Column, formatTable } from '../terminal/table.js';
import { withProgress } from '../terminal/task-context.js';

interface VerifyFlags {
  readonly set: Record<string, Json>;
  readonly batchKey?: string;
}

interface Configured {
  readonly config: ResolvedConfig;
  readonly targets: readonly OutputToVerify[];
  /** Chunks that lie where they must not. */
  readonly problems: readonly Problem[];
}

const WHAT = 'a configuration (YAML), or stores, folders of stores, data-set folders';

export function register(program: Command, cli: Cli): void {
  const verify = program
    .command('verify')
    .summary('checks chunks (verify inputs) or what was published (verify outputs)')
    .description('Checks every chunk and lists all problems. Exit code 1 where there are any.');
  verify
    .command('inputs')
    .argument('<conf-or-path...>', WHAT)
    .addOption(setOption())
    .option('--batch-key <column>', 'obs column that every chunk must have (paths only)')
    .description('Every chunk: exists, readable, cells, genes, finite values, layers/counts, ensembl_id, batch_key.')
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith verify inputs conf/dataset_pbmc.yaml\n  obsmith verify inputs processed/train/pbmc --batch-key donor',
    )
    .action(cli.action((given: string[], flags: VerifyFlags) => verifyInputs(cli, given, flags)));
  verify
    .command('outputs')
    .argument('<conf-or-path...>', WHAT)
    .addOption(setOption())
    .description(
      'Cell ids and their order against the input; shape, dtype, finite, zero rows and digest of every obsm array; of a configuration also whether all of its arrays are there.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith verify outputs conf/dataset_pbmc.yaml\n  obsmith verify outputs processed_with_emb/train/pbmc/train/chunk_0.zarr --json',
    )
    .action(cli.action((given: string[], flags: VerifyFlags) => verifyOutputs(cli, given, flags)));
}

async function verifyInputs(cli: Cli, given: string[], flags: VerifyFlags): Promise<Outcome> {
  const [{ verifyInputs }, { requirementsOf, requirementsOfAll }] = await Promise.all([
    import('../../core/dataset/verify-inputs.js'),
    import('../../core/dataset/input-requirements.js'),
  ]);
  const configuration = await configured(cli, given, flags);
  const chunks =
    configuration === null
      ? (await stores(cli, given)).map(({ name, output }) => ({ name, path: output }))
      : configuration.targets.map(({ name, input }) => ({ name, path: input! }));
  const requirements =
    configuration === null ? requirementsOfAll(flags.batchKey ?? null) : requirementsOf(configuration.config);
  const verified = await withProgress(cli, { stage: 'verifying inputs', unit: 'chunks' }, (ctx) =>
    verifyInputs(chunks, requirements, ctx),
  );
  return outcome(
    verified,
    configuration?.problems ?? [],
    [{ title: 'chunk' }, { title: 'cells', align: 'right' }, { title: 'genes', align: 'right' }],
    (chunk: VerifiedInput) => [[chunk.name, count(chunk.cells), count(chunk.genes)]],
  );
}

async function verifyOutputs(cli: Cli, given: string[], flags: VerifyFlags): Promise<Outcome> {
  const { verifyOutputs } = await import('../../core/dataset/verify-outputs.js');
  const configuration = await configured(cli, given, flags);
  const targets = configuration?.targets ?? (await stores(cli, given));
  const verified = await withProgress(cli, { stage: 'verifying outputs', unit: 'rows' }, (ctx) =>
    verifyOutputs(targets, ctx),
  );
  const columns: Column[] = [
    { title: 'chunk' },
    { title: 'array' },
    { title: 'shape', align: 'right' },
    { title: 'dtype' },
    { title: 'zero rows', align: 'right' },
    { title: 'made by' },
  ];
  return outcome(verified, configuration?.problems ?? [], columns, ({ name, cells, arrays }: VerifiedOutput) => {
    if (arrays.length === 0) return [[name, cells === null ? 'not there' : 'no arrays']];
    return arrays.map((array) => [
      name,
      array.key,
      array.shape.join(' x '),
      array.dtype,
      count(array.zeroRows),
      array.method ?? 'others',
    ]);
  });
}

/** Chunks of a configuration, or null where paths were given. */
async function configured(cli: Cli, given: readonly string[], flags: VerifyFlags): Promise<Configured | null> {
  const [file] = given;
  if (given.length !== 1 || !/\.ya?ml$/.test(file!)) return null;
  const [{ loadConfig }, { embeddedMethods }, { findChunks, noChunks }] = await Promise.all([
    import('../../core/config/load.js'),
    import('../../core/config/methods.js'),
    import('../../core/dataset/discover.js'),
  ]);
  const config = await loadConfig(file!, { set: flags.set, env: cli.env, cwd: cli.cwd });
  const { chunks, problems } = await findChunks(config);
  if (chunks.length === 0) throw noChunks(config);
  const expected = embeddedMethods(config).map((method) => `X_${method}`);
  const targets = chunks.map(({ name, input, output }) => ({
    ...{ name, expected },
    input: join(config.base, input),
    output: join(config.base, output),
  }));
  return { config, targets, problems };
}

/** Stores at paths; an output's input is looked for where the pipeline has it. */
async function stores(cli: Cli, given: readonly string[]): Promise<OutputToVerify[]> {
  const { findStores } = await import('../../core/dataset/find-stores.js');
  const found = (await Promise.all(given.map((path) => findStores(resolve(cli.cwd, path))))).flat();
  return found.map((output) => ({ name: shortPath(output, cli.cwd), input: inputOf(output), output }));
}

function inputOf(output: string): string | null {
  const input = output.replace('/processed_with_emb/', '/processed/');
  if (input === output) return null;
  return [input, input.replace(/\.zarr\/?$/, '.h5ad')].find((candidate) => existsSync(candidate)) ?? null;
}

interface Verified {
  readonly name: string;
  readonly problems: readonly Problem[];
  readonly notes?: readonly string[];
}

function outcome<T extends Verified>(
  chunks: readonly T[],
  placement: readonly Problem[],
  columns: readonly Column[],
  rowsOf: (chunk: T) => string[][],
): Outcome {
  const problems = [...placement, ...chunks.flatMap((chunk) => chunk.problems)];
  return {
    document: { ok: problems.length === 0, chunks, problems },
    exitCode: problems.length === 0 ? 0 : 1,
    print(terminal) {
      const { colours } = terminal;
      terminal.print(formatTable(terminal, columns, chunks.flatMap(rowsOf)));
      terminal.print();
      for (const { name, notes = [] } of chunks)
        for (const note of notes) terminal.print(`${colours.yellow('note')} ${name}: ${note}`);
      for (const problem of problems) terminal.print(formatProblem(problem, colours));
      const verdict =
        problems.length === 0 ? colours.green('no problems') : colours.red(formatCounted(problems.length, 'problem'));
      terminal.print(`${verdict} in ${formatCounted(chunks.length, 'chunk')}`);
    },
  };
}

const count = (value: number | null): string => (value === null ? '–' : formatCount(value));
