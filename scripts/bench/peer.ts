import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the peer's numbers belong to. */
const PACKAGES = ['scanpy==1.11.5', 'anndata==0.12.19', 'zarr==3.1.6'];

/**
 * Path of a Python that has the peer's packages: OBSMITH_BENCH_PYTHON, else the virtual environment in `directory`,
 * which `create` makes where it is not there yet. Null where there is none.
 */
export async function peerPython(directory: string, create: boolean): Promise<string | null> {
  const named = process.env.OBSMITH_BENCH_PYTHON;
  if (named) return named;
  const folder = join(directory, 'peer-python');
  const python = join(folder, 'bin', 'python');
  const complete = existsSync(python) && (await hasPackages(python));
  if (complete) return python;
  if (!create) return null;
  process.stderr.write(`creating ${folder} with ${PACKAGES.join(', ')}\n`);
  await run('python3', ['-m', 'venv', folder]);
  await run(python, ['-m', 'pip', 'install', '--quiet', ...PACKAGES], { maxBuffer: 64 * 1024 * 1024 });
  return python;
}

async function hasPackages(python: string): Promise<boolean> {
  const script = PACKAGES.map((name) => name.split('==') as [string, string])
    .map(([name, version]) => `assert metadata.version("${name}") == "${version}"`)
    .join('; ');
  try {
    await run(python, ['-c', `from importlib import metadata; ${script}`]);
    return true;
  } catch {
    return false;
  }
}

/** All libraries of the peer use as many threads as there are cores. */
export function threadEnv(): NodeJS.ProcessEnv {
  const threads = String(availableParallelism());
  const names = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMBA_NUM_THREADS'];
  return Object.fromEntries(names.map((name) => [name, threads]));
}
