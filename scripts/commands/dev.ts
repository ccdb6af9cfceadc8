import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { invalidConfig } from '../../core/errors.js';
import type { ListeningPlace } from '../../server/listening-place.js';
import type { Cli } from '../terminal/cli.js';
import { formatFacts } from '../terminal/table.js';

/** Where commands look for a server that nobody named. */
const DEFAULT_PORT = 7233;

interface DevFlags {
  readonly host: string;
  readonly port: number;
  readonly uiPort: number;
  readonly base?: string;
  readonly database?: string;
  /** False with --no-workers. */
  readonly workers: boolean;
}

export function register(program: Command, cli: Cli): void {
  program
    .command('dev')
    .option(
      '--host <address>',
      'where server and UI listen: an address or name of this machine, or 0.0.0.0',
      '127.0.0.1',
    )
    .option('--port <n>', 'port of the server', port, DEFAULT_PORT)
    .option('--ui-port <n>', 'port of the Web UI', port, 8233)
    .option('--base <folder>', 'base folder that tells other machines the address (default: BASE_FILE_PATH, else here)')
    .option(
      '--database <folder>',
      'folder of database and logs, on a local disk (default: .obsmith/dev of this folder)',
    )
    .option('--no-workers', 'only the server')
    .summary('local Temporal server with Web UI and workers, until Ctrl-C')
    .description(
      'Runs a Temporal server with its Web UI, a CPU worker and a worker of the GPU queue until Ctrl-C. The database stays, so runs go on when it is started again. With a --host that other machines reach, its address stands in .obsmith/server.json of the base folder, where commands and workers find it.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith dev\n  obsmith dev --host login1 --base /shared/atlas --database /var/tmp/obsmith --no-workers',
    )
    .action(
      cli.action(async (flags: DevFlags) => {
        await serve(cli, flags);
        return { document: { ended: true }, print: () => {} };
      }),
    );
}

async function serve(cli: Cli, flags: DevFlags): Promise<void> {
  const { startServer } = await import('../../server/start-server.js');
  const { embeddedEnvironment } = await import('../../server/connection-settings.js');
  const { findBinary } = await import('../../server/find-binary.js');
  const { binarySources } = await import('../../server/binary-sources.js');
  const { listeningPlace } = await import('../../server/listening-place.js');
  const { shareServer } = await import('../../server/share-server.js');
  const { WorkerProcesses } = await import('../../client/worker-processes.js');
  const { requireBaseFolder } = await import('../../core/dataset/base-folder.js');
  const place = await listeningPlace(flags.host);
  const base = resolve(cli.cwd, flags.base ?? (cli.env.BASE_FILE_PATH || '.'));
  if (!place.loopback) await requireBaseFolder(base);
  await refuseTakenPort(place, flags.port);
  const folder = await databaseFolder(cli, flags);
  const { path: binary } = await findBinary(binarySources(cli.env), (line) => cli.terminal.log(line));
  const logFile = join(folder, 'temporal.log');
  const server = await startServer({
    ...{ binary, logFile, uiHost: place.ip, uiPort: flags.uiPort },
    ...(place.everywhere ? {} : { port: flags.port }),
    databaseFile: join(folder, 'temporal.db'),
  });
  const workers = new WorkerProcesses(embeddedEnvironment(cli.env, server.address), folder);
  let unshare = async (): Promise<void> => {};
  try {
    const shared = await shareServer(server.address, place, flags.port, base);
    unshare = shared.end;
    if (!place.loopback) cli.terminal.log(OPEN_TO_OTHERS);
    if (flags.workers) {
      workers.start('cpu');
      workers.start('gpu');
    }
    cli.terminal.print(
      formatFacts(cli.terminal, [
        ['server', shared.address],
        ['web UI', `http://${shared.host}:${flags.uiPort}`],
        ...(place.loopback ? [] : [['found by', `machines with the base folder ${base}`] as [string, string]]),
        ['logs', folder],
        [
          'run',
          `${flags.port === DEFAULT_PORT ? '' : `TEMPORAL_ADDRESS=${shared.address} `}obsmith run conf/dataset_pbmc.yaml`,
        ],
        ['end', 'Ctrl-C'],
      ]),
    );
    await Promise.race([aborted(cli.signal), workers.lost, serverEnds(server.exited, logFile)]);
  } finally {
    await workers.stop();
    await unshare();
    await server.stop();
  }
}

const OPEN_TO_OTHERS =
  'The server asks nobody for a password: who reaches it can start and cancel runs. Keep it in a network that you trust.';

/** SQLite needs locks that network file systems do not keep. */
async function databaseFolder(cli: Cli, { database }: DevFlags): Promise<string> {
  const { mkdir } = await import('node:fs/promises');
  const { fromSystemError } = await import('../../core/errors.js');
  const { networkFileSystem } = await import('../../server/network-disk.js');
  const folder = resolve(cli.cwd, database ?? join('.obsmith', 'dev'));
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fromSystemError(error, folder);
  });
  const network = await networkFileSystem(folder);
  if (network === null) return folder;
  throw invalidConfig(
    `The database of the server would lie on ${network} (${folder}), where it can be damaged`,
    'Name a folder on a disk of this machine: --database /var/tmp/obsmith',
  );
}

async function refuseTakenPort({ ip, everywhere }: ListeningPlace, taken: number): Promise<void> {
  const { isServing } = await import('../../server/start-server.js');
  const addresses = new Set(['127.0.0.1', ...(everywhere ? [] : [ip])]);
  for (const address of addresses) {
    if (!(await isServing(`${address}:${taken}`))) continue;
    throw invalidConfig(
      `A Temporal server answers on port ${taken} already`,
      'Use it as it is, end it, or give another --port (and TEMPORAL_ADDRESS to the other commands).',
    );
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
