import type { Command } from 'commander';
import type { Check } from '../doctor/checks.js';
import type { Cli } from '../terminal/cli.js';
import type { Terminal } from '../terminal/terminal.js';

/** Space for a Temporal server, its database and model bundles. */
const CACHE_BYTES = 500e6;

export function register(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .summary('what this machine has and lacks, with the remedy for each')
    .description(
      'What this machine has and lacks: Node.js, Temporal server, methods, models, GPU, disk; each with what to do. Exit code 1 where nothing can work.',
    )
    .addHelpText('after', '\nExamples:\n  obsmith doctor\n  BASE_FILE_PATH=data obsmith doctor --json')
    .action(
      cli.action(async () => {
        const checks = await allChecks(cli);
        const healthy = checks.every((check) => check.state !== 'broken');
        return {
          document: { healthy, checks },
          exitCode: healthy ? 0 : 1,
          print: (terminal) => printChecks(terminal, checks),
        };
      }),
    );
}

async function allChecks({ env, cwd }: Cli): Promise<Check[]> {
  const [checks, { checkServer }, { checkModels, checkRuntime }, { cacheFolder }] = await Promise.all([
    import('../doctor/checks.js'),
    import('../doctor/server.js'),
    import('../doctor/models.js'),
    import('../../server/cache-folder.js'),
  ]);
  return Promise.all([
    checks.checkNode(),
    checks.checkMachine(),
    checks.checkBuild(),
    checkServer(env, cwd),
    checks.checkFolder('cache folder', cacheFolder(env), CACHE_BYTES),
    checks.checkBase(env),
    checks.checkMethods(),
    checkModels(env, cwd),
    checkRuntime(),
    checks.checkGpu(),
    checks.checkCuda(env),
    checks.checkDevices(),
  ]);
}

function printChecks(terminal: Terminal, checks: readonly Check[]): void {
  const { colours } = terminal;
  const marks = { ok: colours.green('✓'), absent: colours.yellow('–'), broken: colours.red('✗') };
  const width = Math.max(...checks.map((check) => check.name.length));
  for (const { name, state, found, remedy } of checks) {
    terminal.print(`${marks[state]} ${colours.bold(name.padEnd(width))}  ${found}`);
    if (remedy !== null) terminal.print(`${' '.repeat(width + 4)}${colours.green('→')} ${remedy}`);
  }
}
