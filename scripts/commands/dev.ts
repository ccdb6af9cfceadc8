import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { invalidConfig } from '../../core/errors.js';
import type { Cli } from '../terminal/cli.js';
import { formatFacts } from '../terminal/table.js';

interface DevFlags {
  readonly host: string;
  readonly port: number;
  readonly uiPort: number;
}

export function register(program: Command, cli: Cli): void {
  program
    .command('dev')
    .option('--host <address>', 'where server and UI listen', '127.0.0.1')
    .option('--port <n>', 'port of the server', port, 7233)
    .option('--ui-port <n>', 'port of the Web UI', port, 8233)
    .summary('local Temporal server with Web UI and workers, until Ctrl-C')
    .description(
      'Runs a Temporal server with its Web UI, a CPU worker and a worker of the GPU queue until Ctrl-C. The database stays in .obsmith/dev of this folder, so runs go on when it is started again.',
    )
    .addHelpText('after', '\nExamples:\n  obsmith dev\n  obsmith dev --host 0.0.0.0 --ui-port 8080')
    .action(
      cli.action(async (flags: DevFlags) => {
        await serve(cli, flags);
        return { document: { ended: true }, print: () => {} };
      }),
    );
}

async function serve(cli: Cli, { host, port: serverPort, uiPort }: DevFlags): Promise<void> {
  const { isServing, startServer } = await import('../../server/start-server.js');
  const { findBinary } = await import('../../server/find-binary.js');
  const { binarySources } = await import('../../server/binary-sources.js');
  const { WorkerProcesses } = await import('../../client/worker-processes.js');
  const { mkdir } = await import('node:fs/promises');
  if (await isServing(`127.0.0.1:${serverPort}`)) {
    throw invalidConfig(
      `A Temporal server answers on port ${serverPort} already`,
      'Use it as it is, end it, or give another --port (and TEMPORAL_ADDRESS to the other commands).',
    );
  }
  const folder = join(cli.cwd, '.obsmith', 'dev');
  await mkdir(folder, { recursive: true });
  const { path: binary } = await findBinary(binarySources(cli.env), (line) => cli.terminal.log(line));
  const logFile = join(folder, 'temporal.log');
  const server = await startServer({
    binary,
    logFile,
    host,
    port: serverPort,
    uiPort,
    databaseFile: join(folder, 'temporal.db'),
  });
  const workers = new WorkerProcesses({ ...cli.env, TEMPORAL_ADDRESS: server.address }, folder);
  try {
    workers.start('cpu');
    workers.start('gpu');
    cli.terminal.print(
      formatFacts(cli.terminal, [
        ['server', server.address],
        ['web UI', server.uiUrl ?? ''],
        ['logs', folder],
        ['run', 'obsmith run conf/dataset_pbmc.yaml'],
        ['end', 'Ctrl-C'],
      ]),
    );
    await Promise.race([aborted(cli.signal), workers.lost, serverEnds(server.exited, logFile)]);
  } finally {
    await workers.stop();
    await server.stop();
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

async function serverEnds(exited: Promise<number | null>, logFile: string): Promise<never> {
  const code = await exited;
  const { ObsmithError } = await import('../../core/errors.js');
  throw new ObsmithError({
    type: 'StoreUnavailable',
    message: `The Temporal server ended with code ${code}`,
    remedy: `See ${logFile}.`,
  });
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError('Expected a port, 1 to 65535.');
  return value;
}
