import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isObsmithError } from '../../core/errors.js';
import { probeDevice } from '../../core/inference/probe-device.js';
import { methods } from '../../core/methods/registry.js';
import { built } from '../../core/package-root.js';
import { formatBytes } from '../terminal/format.js';

const run = promisify(execFile);

/** One thing that a machine has or lacks. */
export interface Check {
  readonly name: string;
  /** ok; absent: something works without it; broken: nothing works until the remedy is applied. */
  readonly state: 'ok' | 'absent' | 'broken';
  readonly found: string;
  /** Null where all is well. */
  readonly remedy: string | null;
}

export const ok = (name: string, found: string): Check => ({ name, state: 'ok', found, remedy: null });
export const absent = (name: string, found: string, remedy: string): Check => ({
  name,
  state: 'absent',
  found,
  remedy,
});
export const broken = (name: string, found: string, remedy: string): Check => ({
  name,
  state: 'broken',
  found,
  remedy,
});

const OLDEST_NODE = [20, 19] as const;

export function checkNode(version: string = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const recent = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (recent) return ok('Node.js', version);
  return broken('Node.js', version, `Install Node.js ${OLDEST_NODE.join('.')} or newer: https://nodejs.org`);
}

export function checkMachine(): Check {
  return ok('machine', `${availableParallelism()} CPUs, ${formatBytes(totalmem())} memory; Python is not needed`);
}

/** Workers and threads start from built code. */
export function checkBuild(): Check {
  const file = built('scripts/obsmith.js');
  return existsSync(file)
    ? ok('build', dirname(dirname(file)))
    : broken('build', `${file} is not there`, 'Run: npm run build');
}

export async function checkGpu(): Promise<Check> {
  const gpus = await run('nvidia-smi', ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader']).catch(
    () => null,
  );
  const names = gpus?.stdout.trim().split('\n').filter(Boolean) ?? [];
  if (names.length > 0) return ok('GPU', names.join('; '));
  return absent(
    'GPU',
    'none (nvidia-smi finds no NVIDIA GPU)',
    'Methods of embedding_gpu also run on the CPU, slowly: obsmith worker gpu --device cpu',
  );
}

const CUDA_LIBRARIES = ['libcudart.so.12', 'libcublasLt.so.12', 'libcudnn.so.9'];

export async function checkCuda(env: NodeJS.ProcessEnv): Promise<Check> {
  const cached = await run('ldconfig', ['-p']).catch(() => ({ stdout: '' }));
  const folders = (env.LD_LIBRARY_PATH ?? '').split(delimiter).filter(Boolean);
  const missing = CUDA_LIBRARIES.filter(
    (name) => !cached.stdout.includes(name) && !folders.some((folder) => existsSync(join(folder, name))),
  );
  if (missing.length === 0) return ok('CUDA libraries', CUDA_LIBRARIES.join(', '));
  return absent(
    'CUDA libraries',
    `not found: ${missing.join(', ')}`,
    'Only for GPUs: install CUDA 12 and cuDNN 9, and name their folders in LD_LIBRARY_PATH.',
  );
}

/** The devices of `worker gpu` that a model could run on here. */
export async function checkDevices(): Promise<Check> {
  const refused: string[] = [];
  const remedies: string[] = [];
  for (const device of ['cuda:0', 'webgpu'] as const) {
    const error = await probeDevice(device).then(
      () => null,
      (cause: unknown) => cause,
    );
    if (error === null) return ok('model device', device);
    if (!isObsmithError(error)) throw error;
    refused.push(`not ${device}`);
    remedies.push(error.remedy);
  }
  return absent('model device', `cpu, ${refused.join(', ')}`, `Only for GPUs: ${remedies.join(' ')}`);
}

export function checkMethods(): Check {
  const lacking = [...methods.values()].filter((method) => method.unavailable !== undefined);
  const there = [...methods.keys()].filter((name) => !lacking.some((method) => method.name === name));
  if (lacking.length === 0) return ok('methods', there.join(', '));
  return absent(
    'methods',
    `${there.join(', ')}; not available: ${lacking.map((method) => method.name).join(', ')}`,
    'Leave those out of methods, or set skip_unavailable: true.',
  );
}

/** Space where a folder is or would be made, and that it can be written to. */
export async function checkFolder(name: string, folder: string, least: number): Promise<Check> {
  const existing = await nearestExisting(folder);
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const found = `${folder}, ${formatBytes(free)} free`;
  const writable = await access(existing, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!writable)
    return broken(name, `${existing} cannot be written to`, `Give this user access, e.g. chmod u+rwx ${existing}`);
  if (free < least) return broken(name, found, `Free at least ${formatBytes(least)} there.`);
  return ok(name, found);
}

export async function checkBase(env: NodeJS.ProcessEnv): Promise<Check> {
  const base = env.BASE_FILE_PATH;
  if (!base)
    return absent('base folder', 'BASE_FILE_PATH is not set', 'Set it, or base_file_path in each configuration.');
  const found = await stat(base).catch(() => null);
  if (!found?.isDirectory())
    return broken(
      'base folder',
      `BASE_FILE_PATH is not a folder: ${base}`,
      `Correct it, or make the folder: mkdir -p ${base}`,
    );
  return checkFolder('base folder', base, 1e9);
}

async function nearestExisting(folder: string): Promise<string> {
  const there = await stat(folder).then(
    () => true,
    () => false,
  );
  return there || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}
