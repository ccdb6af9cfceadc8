import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectTo } from '../../client/connect.js';
import { startRun } from '../../client/start-run.js';
import { inspectArrays } from '../../core/anndata/obsm/inspect-arrays.js';
import { importFiles } from '../../core/import/import-files.js';
import { PACKAGE_ROOT, resource } from '../../core/package-root.js';
import { QUIET } from '../../core/tasks/types.js';
import { binarySources } from '../../server/binary-sources.js';
import { findBinary } from '../../server/find-binary.js';
import { queueNames } from '../../server/queues.js';
import { startServer } from '../../server/start-server.js';
import { WorkerPool } from '../chaos/processes.js';

export interface DigestOptions {
  /** Folder for data, server and logs. */
  readonly folder: string;
  /** Numbers of worker processes, and batch sizes: each pair is one run. */
  readonly workers: readonly number[];
  readonly batchSizes: readonly number[];
  readonly methods: readonly string[];
  /** Cells of a chunk at most: the two samples of 200 cells are divided into so many chunks. */
  readonly chunkCells: number;
  readonly onRun: (run: DigestRun) => void;
}

export interface DigestRun {
  readonly workers: number;
  readonly batchSize: number;
  readonly seconds: number;
  /** By method: one digest over the array digests of all chunks. */
  readonly digests: Readonly<Record<string, string>>;
}

const DATASET = 'digests';
const MODELS = 'test/fixtures/models';

/**
 * Embeds the bundled samples once for each number of worker processes and each batch size, each time from nothing: no run
 * finds fits, scans or arrays of another one. Array digests are sums over decoded values, as verified when published.
 */
export async function runDigests(options: DigestOptions): Promise<DigestRun[]> {
  const base = join(options.folder, 'base');
  const config = await makeDataset(base, options);
  const { path: binary } = await findBinary(binarySources(process.env), () => {});
  const server = await startServer({ binary, logFile: join(options.folder, 'temporal.log') });
  const connected = await connectTo({ address: server.address, namespace: 'default' });
  const runs: DigestRun[] = [];
  try {
    for (const workers of options.workers) {
      for (const batchSize of options.batchSizes) {
        const id = `w${workers}-b${batchSize}`;
        const env = {
          ...process.env,
          ...{ TEMPORAL_ADDRESS: server.address, OBSMITH_QUEUE_PREFIX: `${id}-` },
          OBSMITH_MODELS: join(PACKAGE_ROOT, MODELS),
        };
        await Promise.all(
          ['processed_with_emb', '.obsmith'].map((name) => rm(join(base, name), { recursive: true, force: true })),
        );
        const pool = new WorkerPool(workers, env, join(options.folder, id));
        try {
          const began = performance.now();
          const request = { config, set: { 'embedding_cpu.batch_size': batchSize } };
          const { workflowId } = await startRun(connected.client, {
            ...{ workflowId: id, request },
            taskQueue: queueNames(env.OBSMITH_QUEUE_PREFIX).workflows,
          });
          await connected.client.workflow.getHandle(workflowId).result();
          const seconds = (performance.now() - began) / 1000;
          const run = { workers, batchSize, seconds, digests: await digestsOf(base, options.methods) };
          runs.push(run);
          options.onRun(run);
        } finally {
          await pool.stop();
        }
      }
    }
  } finally {
    await connected.close();
    await server.stop();
  }
  return runs;
}

/** The methods whose digests are not the same in all runs. */
export function differing(runs: readonly DigestRun[]): string[] {
  const methods = Object.keys(runs[0]?.digests ?? {});
  return methods.filter((method) => new Set(runs.map(({ digests }) => digests[method])).size > 1);
}

async function makeDataset(base: string, { methods, chunkCells }: DigestOptions): Promise<string> {
  await mkdir(base, { recursive: true });
  const files = ['pbmc_5k_protein_v3.h5ad', 'pbmc_10k_protein_v3.h5ad'];
  await importFiles(
    {
      ...{ base, dataset: DATASET, chunkCells, trainSplit: null, batchKey: 'sample' },
      files: files.map((file) => ({ path: resource(`demo/${file}`) })),
    },
    QUIET,
  );
  const config = join(base, 'digests.yaml');
  await writeFile(
    config,
    `dataset: { name: ${DATASET} }
base_file_path: ${JSON.stringify(base)}
batch_key: sample
split_dataset: false
embedding_cpu:
  methods: [${methods.join(', ')}]
  method_options: { scvi_fm: { model: scvi-tiny } }
`,
  );
  return config;
}

async function digestsOf(base: string, methods: readonly string[]): Promise<Record<string, string>> {
  const folder = join(base, 'processed_with_emb/test', DATASET, 'all');
  const sums = Object.fromEntries(methods.map((method) => [method, createHash('sha256')]));
  for (let chunk = 0; ; chunk++) {
    const arrays = await inspectArrays(join(folder, `chunk_${chunk}.zarr`));
    if (arrays === null) break;
    for (const method of methods) {
      const digest = arrays[`X_${method}`]?.digest;
      if (!digest) throw new Error(`chunk_${chunk} has no X_${method} with a digest`);
      sums[method]!.update(`${chunk} ${digest}\n`);
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([method, sum]) => [method, sum.digest('hex')]));
}
