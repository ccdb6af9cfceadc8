import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isObsmithError, ObsmithError } from '../../core/errors.js';
import type { Bundle } from '../../core/inference/bundle/types.js';
import type { Cli, Outcome } from '../terminal/cli.js';
import { formatCount } from '../terminal/format.js';
import { formatProblem } from '../terminal/problems.js';
import { formatTable } from '../terminal/table.js';

interface ModelsFlags {
  readonly dir?: string;
}

const DIR = ['--dir <folder>', 'models folder (default: OBSMITH_MODELS, else the user’s data folder)'] as const;

export function register(program: Command, cli: Cli): void {
  const models = program
    .command('models')
    .summary('model bundles: list, verify, add')
    .description(
      'Model bundles of geneformer, scvi_fm and pca. Runs find them in models_dir, OBSMITH_MODELS, or the user’s data folder.',
    );
  models
    .command('list')
    .option(...DIR)
    .description('The bundles of the models folder. Their files are not checked.')
    .addHelpText('after', '\nExamples:\n  obsmith models list\n  obsmith models list --dir /shared/models --json')
    .action(cli.action((flags: ModelsFlags) => listModels(cli, flags)));
  models
    .command('verify')
    .argument('[bundle...]', 'ids, or paths of bundles; all of the models folder where none is named')
    .option(...DIR)
    .description(
      'Every file against its sha256 sum, the vocabulary or the genes against the model. Exit code 1 where a bundle is damaged.',
    )
    .addHelpText('after', '\nExamples:\n  obsmith models verify\n  obsmith models verify ./exported-bundle')
    .action(cli.action((named: string[], flags: ModelsFlags) => verifyModels(cli, named, flags)));
  models
    .command('add')
    .argument('<bundle>', 'folder of a bundle')
    .option(...DIR)
    .option('--replace', 'take the place of another bundle of the same id')
    .description('Checks a bundle and copies it into the models folder.')
    .addHelpText('after', '\nExamples:\n  obsmith models add ./exported-bundle')
    .action(cli.action((source: string, flags: ModelsFlags & { replace?: boolean }) => addModel(cli, source, flags)));
}

async function folderOf(cli: Cli, { dir }: ModelsFlags): Promise<string> {
  const { modelsFolder } = await import('../../core/inference/bundle/find.js');
  return modelsFolder(dir ?? null, cli.cwd, cli.env);
}

async function listModels(cli: Cli, flags: ModelsFlags): Promise<Outcome> {
  const { listBundles } = await import('../../core/inference/bundle/find.js');
  const modelsDir = await folderOf(cli, flags);
  const found = await listBundles(modelsDir);
  const damaged = found.flatMap(({ description }) => (isObsmithError(description) ? [description] : []));
  const bundles = found.flatMap(({ folder, description }) => {
    if (isObsmithError(description)) return [];
    const { id, kind, dim, precision, licence } = description;
    const series = description.kind === 'geneformer' ? description.series : null;
    return [{ id, kind, series, dim, precision, licence, folder }];
  });
  return {
    document: { modelsDir, bundles, damaged: damaged.map(({ message, remedy }) => ({ message, remedy })) },
    print(terminal) {
      if (bundles.length === 0) terminal.print(`no bundles in ${modelsDir}; obsmith models add <bundle> adds one`);
      else {
        terminal.print(
          formatTable(
            terminal,
            [
              { title: 'id' },
              { title: 'kind' },
              { title: 'dims', align: 'right' },
              { title: 'precision' },
              { title: 'folder' },
            ],
            bundles.map(({ id, kind, series, dim, precision, folder }) => [
              id,
              series === null ? kind : `${kind} ${series}`,
              formatCount(dim),
              precision,
              folder,
            ]),
          ),
        );
      }
      for (const problem of damaged) terminal.log(formatProblem(problem, terminal.logColours));
    },
  };
}

async function verifyModels(cli: Cli, named: readonly string[], flags: ModelsFlags): Promise<Outcome> {
  const { findBundleFolder, listBundles } = await import('../../core/inference/bundle/find.js');
  const modelsDir = await folderOf(cli, flags);
  const folders =
    named.length === 0
      ? (await listBundles(modelsDir)).map(({ folder }) => folder)
      : await Promise.all(named.map((model) => findBundleFolder({ base: cli.cwd, modelsDir, method: null, model })));
  const verified = await Promise.all(folders.map(verifyBundle));
  const healthy = verified.every(({ problem }) => problem === null);
  return {
    document: { modelsDir, bundles: verified },
    exitCode: healthy ? 0 : 1,
    print(terminal) {
      if (verified.length === 0) terminal.print(`no bundles in ${modelsDir}`);
      for (const { folder, id, problem } of verified) {
        if (problem === null) terminal.print(`${terminal.colours.green('✓')} ${id}  ${folder}`);
        else terminal.log(formatProblem(problem, terminal.logColours));
      }
    },
  };
}

interface VerifiedBundle {
  readonly folder: string;
  readonly id: string | null;
  readonly sha256: string | null;
  readonly problem: { readonly message: string; readonly remedy: string } | null;
}

async function verifyBundle(folder: string): Promise<VerifiedBundle> {
  const { loadBundle } = await import('../../core/inference/bundle/load.js');
  try {
    const { id, sha256 } = await loadBundle(folder);
    return { folder, id, sha256, problem: null };
  } catch (error) {
    if (!(error instanceof ObsmithError)) throw error;
    return { folder, id: null, sha256: null, problem: { message: error.message, remedy: error.remedy } };
  }
}

async function addModel(cli: Cli, source: string, flags: ModelsFlags & { replace?: boolean }): Promise<Outcome> {
  const { addBundle } = await import('../../core/inference/bundle/add.js');
  const modelsDir = await folderOf(cli, flags);
  const bundle: Bundle = await addBundle({
    source: resolve(cli.cwd, source),
    modelsDir,
    replace: flags.replace ?? false,
  });
  return {
    document: { id: bundle.id, kind: bundle.kind, dim: bundle.dim, folder: bundle.folder, sha256: bundle.sha256 },
    print: (terminal) => terminal.print(`${terminal.colours.green('✓')} ${bundle.id} in ${bundle.folder}`),
  };
}
