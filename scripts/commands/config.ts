import type { Command } from 'commander';
import type { Json } from '../../core/methods/types.js';
import type { Cli } from '../terminal/cli.js';
import { setOption } from '../terminal/options.js';

export function register(program: Command, cli: Cli): void {
  program
    .command('config')
    .argument('<conf>', 'configuration file (YAML)')
    .addOption(setOption())
    .summary('the resolved configuration as YAML')
    .description(
      'The resolved configuration as YAML (as JSON with --json): defaults, overrides, derived paths and keys.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith config conf/dataset_pbmc.yaml\n  obsmith config conf/dataset_pbmc.yaml --set embedding_cpu.methods=[hvg]',
    )
    .action(
      cli.action(async (conf: string, options: { set: Record<string, Json> }) => {
        const [{ loadConfig }, { configDocument, stringifyConfig }] = await Promise.all([
          import('../../core/config/load.js'),
          import('../../core/config/stringify.js'),
        ]);
        const config = await loadConfig(conf, { set: options.set, env: cli.env, cwd: cli.cwd, mayLackBase: true });
        return {
          document: { ...configDocument(config), notes: config.notes },
          print(terminal) {
            for (const note of config.notes) terminal.log(`${terminal.logColours.yellow('note')} ${note}`);
            terminal.print(stringifyConfig(config));
          },
        };
      }),
    );
}
