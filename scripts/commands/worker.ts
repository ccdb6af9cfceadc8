import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { isObsmithError, withRemedy } from '../../core/errors.js';
import { type Device, deviceOf, parseDevice } from '../../core/inference/device.js';
import { compileLate } from '../../core/machine/late-compilation.js';
import type { ServerSettings } from '../../server/connection-settings.js';
import type { WorkerEnd } from '../../workers/lifecycle.js';
import type { Cli } from '../terminal/cli.js';

interface WorkerFlags {
  readonly concurrency?: number;
  readonly exitWhenIdle?: number;
  readonly stopAt?: Date;
  readonly metrics?: string;
  readonly versioned?: boolean;
}

interface GpuWorkerFlags extends WorkerFlags {
  readonly device?: Device;
}

/** Longer than activities are given to stop: then the process ends itself. */
const LAST_RESORT_MS = 30_000;
/** An embedded worker is asked to stop when its run has ended or nobody is left to end it: its server may be gone. */
const EMBEDDED_LAST_RESORT_MS = 15_000;

export function register(program: Command, cli: Cli): void {
  const worker = program
    .command('worker')
    .summary('one worker process: cpu or gpu')
    .description('Runs one worker process until Ctrl-C.');
  addWorker(
    worker,
    'cpu',
    'workflows, light activities and CPU methods (queues obsmith and obsmith-cpu)',
    'one per core, fewer while memory is scarce',
  )
    .option('--device <device>', 'cpu: methods of this queue run on no other', cpuArgument)
    .action(
      cli.action(async (flags: WorkerFlags) => {
        const threads = flags.concurrency ?? availableParallelism();
        compileLate();
        // First: they load what they need while this thread loads the SDK and connects.
        const { startThreads } = await import('../../core/tasks/thread-lanes.js');
        startThreads(threads);
        const [{ runCpuWorker }, { queuePrefix }] = await Promise.all([
          import('../../workers/cpu.js'),
          import('../../server/queues.js'),
        ]);
        const embeddedIn = cli.env.OBSMITH_EMBEDDED_IN ? Number(cli.env.OBSMITH_EMBEDDED_IN) : null;
        const server = await serverOf(cli);
        await runCpuWorker({
          ...optionsOf(cli, flags),
          server,
          threads,
          queuePrefix: queuePrefix(cli.env),
          embeddedIn,
        });
        return ended('cpu');
      }),
    );
  const gpu = addWorker(worker, 'gpu', 'GPU methods (queue obsmith-gpu)', '1');
  gpu
    .option('--device <device>', 'cpu, webgpu, cuda:0, ... (default: OBSMITH_DEVICE, else cpu)', deviceArgument)
    .action(
      cli.action(async (flags: GpuWorkerFlags) => {
        const [{ runGpuWorker }, { queuePrefix }] = await Promise.all([
          import('../../workers/gpu.js'),
          import('../../server/queues.js'),
        ]);
        const device = flags.device ?? deviceOf('gpu', cli.env);
        const server = await serverOf(cli);
        await runGpuWorker({ ...optionsOf(cli, flags), server, queuePrefix: queuePrefix(cli.env), device });
        return ended('gpu');
      }),
    );
}

async function serverOf({ env, cwd }: Cli): Promise<ServerSettings> {
  const { baseFolders, workerServer } = await import('../../server/find-server.js');
  return workerServer(env, baseFolders(env, cwd));
}

function addWorker(parent: Command, kind: string, does: string, concurrency: string): Command {
  return parent
    .command(kind)
    .description(
      `A worker for ${does}. Connects as TEMPORAL_ADDRESS and the other TEMPORAL_* variables say, else to the server named in .obsmith/server.json of BASE_FILE_PATH, else on the default port.`,
    )
    .option('--concurrency <n>', `activities at once (default: ${concurrency})`, positiveInteger)
    .option('--exit-when-idle <time>', 'end after so long without work, e.g. 10m', duration)
    .option('--stop-at <time>', 'take nothing new from then on, e.g. 06:00 or 2030-01-31T06:00', pointInTime)
    .option('--metrics <port>', 'serve Prometheus metrics on 127.0.0.1:PORT, or at HOST:PORT', listenAddress)
    .option('--versioned', 'Temporal worker versioning: workflows only go to the current version of the workers')
    .addHelpText(
      'after',
      `\nExamples:\n  obsmith worker ${kind}\n  TEMPORAL_ADDRESS=server:7233 obsmith worker ${kind} --exit-when-idle 10m\n  BASE_FILE_PATH=/shared/atlas obsmith worker ${kind} --stop-at 06:00`,
    );
}

function optionsOf(
  cli: Cli,
  { concurrency, exitWhenIdle, stopAt, metrics, versioned = false }: WorkerFlags,
): WorkerEnd & { concurrency?: number; metrics?: string; versioned: boolean } {
  const lastResort = cli.env.OBSMITH_EMBEDDED_IN ? EMBEDDED_LAST_RESORT_MS : LAST_RESORT_MS;
  cli.signal.addEventListener('abort', () => setTimeout(() => process.exit(1), lastResort).unref(), { once: true });
  return {
    signal: cli.signal,
    versioned,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(exitWhenIdle === undefined ? {} : { exitWhenIdleMs: exitWhenIdle }),
    ...(stopAt === undefined ? {} : { stopAt }),
    ...(metrics === undefined ? {} : { metrics }),
  };
}

const ended = (worker: string) => ({ document: { worker, ended: true }, print: () => {} });

function positiveInteger(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Expected a whole number of 1 or more.');
  return Number(text);
}

/** A port of the loopback interface, or an interface that the user chose. */
function listenAddress(text: string): string {
  const [, host = '127.0.0.1', port] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new InvalidArgumentError('Expected a port like 9464, or an address with one like 0.0.0.0:9464.');
  return `${host}:${port}`;
}

function deviceArgument(text: string): Device {
  try {
    return parseDevice(text);
  } catch (error) {
    if (isObsmithError(error)) throw new InvalidArgumentError(withRemedy(error));
    throw error;
  }
}

function cpuArgument(text: string): Device {
  const device = deviceArgument(text);
  if (device === 'cpu') return device;
  throw new InvalidArgumentError(
    `Methods of the CPU queue run on the CPU. For ${device} start: obsmith worker gpu --device ${device}`,
  );
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? [];
  if (number === undefined || unit === undefined)
    throw new InvalidArgumentError('Expected a time like 30s, 10m or 1h.');
  return Number(number) * UNITS[unit]!;
}

/** A date with time, or a time of day: the next one. */
function pointInTime(text: string): Date {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const time = new Date(hours === undefined ? text : Date.now());
  if (hours !== undefined) {
    time.setHours(Number(hours), Number(minutes), 0, 0);
    if (time.getTime() <= Date.now()) time.setDate(time.getDate() + 1);
  }
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('Expected a time like 06:00 or 2030-01-31T06:00.');
  return time;
}
