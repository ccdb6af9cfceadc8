import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectedClient, connectTo } from '../../client/connect.js';
import { startRun } from '../../client/start-run.js';
import { uniformRandom } from '../../core/import/random.js';
import { PACKAGE_ROOT } from '../../core/package-root.js';
import { binarySources } from '../../server/binary-sources.js';
import { findBinary } from '../../server/find-binary.js';
import { queueNames } from '../../server/queues.js';
import type { RunTotals } from '../../workflows/types.js';
import type { BenchDataset } from '../bench/dataset.js';
import { countRows, type RowCounts } from './block-counts.js';
import { chaosDataset, type Digests, digestsBelow, ROWS, totalDigest } from './dataset.js';
import type { ChaosDisk } from './disk.js';
import { OutputReader } from './output-reader.js';
import { PersistentServer, WorkerPool } from './processes.js';

export interface ChaosOptions {
  /** Folder for server, logs and notes; made where it is not there. */
  readonly folder: string;
  readonly disk: ChaosDisk;
  /** File that tells the workers' preload what fails. */
  readonly faultFile: string;
  readonly kills: number;
  readonly seed: number;
  readonly workers: number;
  /** Longest pause between two disturbances. */
  readonly pauseMs: number;
  /** How long the disk is full, and read-only. */
  readonly faultMs: number;
  readonly say: (line: string) => void;
}

export interface ChaosReport {
  readonly disk: ChaosDisk['kind'];
  readonly seed: number;
  readonly workerKills: number;
  readonly serverKills: number;
  /** Runs that the kills were spread over: each begins with nothing published. */
  readonly runs: number;
  readonly rows: RowCounts & { readonly needed: number };
  readonly undisturbedSeconds: number;
  readonly seconds: number;
  readonly reader: { readonly polls: number; readonly arraysSeen: number; readonly violations: readonly string[] };
  readonly digest: { readonly undisturbed: string; readonly disturbed: readonly string[]; readonly equal: boolean };
  /** Files that are missing, additional or different, of all runs. */
  readonly differences: readonly string[];
}

type Disturbance = 'kill worker' | 'kill server' | 'fill disk' | 'read-only disk';

/** Embeds a data set undisturbed, then again and again under kills and failing disks until all kills are used up. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const stage = await Stage.set(options);
  try {
    return await new Chaos(options, stage).play();
  } finally {
    await stage.clear();
  }
}

/** Server, workers and a client. */
class Stage {
  readonly server: PersistentServer;
  readonly workers: WorkerPool;
  readonly #client: ConnectedClient;
  readonly #queue: string;

  private constructor(server: PersistentServer, workers: WorkerPool, client: ConnectedClient, queue: string) {
    this.server = server;
    this.workers = workers;
    this.#client = client;
    this.#queue = queue;
  }

  static async set({ folder, faultFile, workers, say }: ChaosOptions): Promise<Stage> {
    await mkdir(folder, { recursive: true });
    await writeFile(notesIn(folder), '');
    const { path } = await findBinary(binarySources(process.env), say);
    const server = await PersistentServer.start(path, folder);
    const prefix = `chaos-${process.pid}-`;
    const env = {
      ...process.env,
      TEMPORAL_ADDRESS: server.address,
      OBSMITH_QUEUE_PREFIX: prefix,
      OBSMITH_CHAOS_FAULT: faultFile,
      OBSMITH_CHAOS_BLOCKS: notesIn(folder),
      NODE_OPTIONS: `--import ${join(PACKAGE_ROOT, 'scripts/chaos/faults.mjs')}`,
    };
    const client = await connectTo({ address: server.address, namespace: 'default' });
    return new Stage(server, new WorkerPool(workers, env, folder), client, queueNames(prefix).workflows);
  }

  /** Runs the data set to its end, whatever becomes of the server meanwhile. */
  async embed(workflowId: string, config: string): Promise<RunTotals> {
    const { client } = this.#client;
    await startRun(client, { workflowId, taskQueue: this.#queue, request: { config } });
    for (;;) {
      await sleep(LOOK_MS);
      const found = await client.workflow
        .getHandle(workflowId)
        .describe()
        .catch(() => null); // The server is being killed.
      if (found && found.status.name !== 'RUNNING') return client.workflow.getHandle(workflowId).result();
    }
  }

  async clear(): Promise<void> {
    await this.workers.stop();
    await this.#client.close();
    await this.server.stop();
  }
}

const LOOK_MS = 200;
const notesIn = (folder: string): string => join(folder, 'row-blocks.txt');

/** One run under way, with its reader. */
interface Run {
  readonly result: Promise<RunTotals>;
  readonly reader: OutputReader;
  ended: boolean;
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #stage: Stage;
  readonly #random: () => number;
  readonly #faults: Promise<void>[] = [];
  readonly #digests: string[] = [];
  readonly #differences: string[] = [];
  readonly #violations: string[] = [];
  #dataset!: BenchDataset;
  #expected!: Digests;
  #polls = 0;
  #arraysSeen = 0;
  #rows: RowCounts = { recomputed: 0, resumed: 0 };

  constructor(options: ChaosOptions, stage: Stage) {
    this.#options = options;
    this.#stage = stage;
    this.#random = uniformRandom(options.seed);
  }

  async play(): Promise<ChaosReport> {
    const { disk, kills, seed, say } = this.#options;
    this.#dataset = await chaosDataset(disk.folder, seed);
    const began = performance.now();
    await this.#stage.embed('chaos-undisturbed', this.#dataset.config);
    this.#expected = await digestsBelow(this.#dataset.outputs);
    const undisturbedSeconds = secondsSince(began);
    say(`undisturbed: ${Object.keys(this.#expected).length} files in ${undisturbedSeconds.toFixed(1)} s`);
    const disturbedAt = performance.now();
    let run = await this.#startRun();
    for (const disturbance of this.#schedule(kills)) {
      await sleep(this.#random() * this.#options.pauseMs);
      if (run.ended) {
        await this.#endRun(run);
        run = await this.#startRun();
      }
      this.#disturb(disturbance);
    }
    await this.#endRun(run);
    const undisturbed = totalDigest(this.#expected);
    return {
      disk: disk.kind,
      seed,
      workerKills: kills,
      serverKills: 1,
      runs: this.#digests.length,
      rows: { needed: ROWS * this.#digests.length, ...this.#rows },
      undisturbedSeconds,
      seconds: secondsSince(disturbedAt),
      reader: { polls: this.#polls, arraysSeen: this.#arraysSeen, violations: this.#violations },
      digest: {
        undisturbed,
        disturbed: this.#digests,
        equal: this.#digests.every((digest) => digest === undisturbed),
      },
      differences: this.#differences,
    };
  }

  /** The kills, and between them the server's and two troubles of the disk. */
  #schedule(kills: number): Disturbance[] {
    const schedule: Disturbance[] = Array(kills).fill('kill worker');
    schedule.splice(Math.ceil(kills / 5), 0, 'fill disk');
    schedule.splice(Math.ceil((kills * 2) / 5) + 1, 0, 'kill server');
    schedule.splice(Math.ceil((kills * 3) / 5) + 2, 0, 'read-only disk');
    return schedule;
  }

  #disturb(disturbance: Disturbance): void {
    const { disk, faultMs, say } = this.#options;
    say(disturbance);
    if (disturbance === 'kill worker') this.#stage.workers.kill(this.#random());
    else if (disturbance === 'kill server') this.#faults.push(this.#stage.server.killAndRestart());
    else this.#faults.push(disturbance === 'fill disk' ? disk.fill(faultMs) : disk.freeze(faultMs));
  }

  /** Embeds anew, from nothing. */
  async #startRun(): Promise<Run> {
    const { base, outputs, config } = this.#dataset;
    await Promise.all(this.#faults.splice(0));
    await rm(outputs, { recursive: true, force: true });
    await rm(join(base, '.obsmith'), { recursive: true, force: true });
    await writeFile(notesIn(this.#options.folder), '');
    const reader = new OutputReader(outputs, this.#expected);
    reader.start();
    const result = this.#stage.embed(`chaos-${this.#digests.length + 1}`, config);
    const run: Run = { result, reader, ended: false };
    void result
      .catch(() => {}) // Thrown where the run's end is awaited.
      .finally(() => {
        run.ended = true;
      });
    return run;
  }

  async #endRun({ result, reader }: Run): Promise<void> {
    try {
      await Promise.all(this.#faults.splice(0));
      const totals = await result;
      const { recomputed, resumed } = await countRows(notesIn(this.#options.folder), totals);
      this.#rows = { recomputed: this.#rows.recomputed + recomputed, resumed: this.#rows.resumed + resumed };
    } finally {
      await reader.stop();
    }
    const found = await digestsBelow(this.#dataset.outputs);
    this.#digests.push(totalDigest(found));
    this.#differences.push(...differences(this.#expected, found));
    this.#violations.push(...reader.violations);
    this.#polls += reader.polls;
    this.#arraysSeen += reader.arraysSeen;
    this.#options.say(`run ${this.#digests.length} ended`);
  }
}

const secondsSince = (began: number): number => (performance.now() - began) / 1000;

function differences(expected: Digests, found: Digests): string[] {
  const files = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...files].filter((file) => expected[file] !== found[file]).sort();
}
