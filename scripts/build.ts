import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleWorkflows } from './workflow-bundle.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

/** Compiles TypeScript to dist/ and every core/kernels/assembly/*.ts to dist/core/kernels/*.wasm (SIMD, never relaxed SIMD); bundles the workflows. */
export async function build(): Promise<void> {
  await mkdir(join(root, 'dist/core/kernels'), { recursive: true });
  await Promise.all([compileTypeScript(), compileKernels()]);
  await bundleWorkflows(join(root, 'dist'));
  await chmod(join(root, 'dist/scripts/obsmith.js'), 0o755);
}

async function compileTypeScript(): Promise<void> {
  try {
    await run(bin('tsc'), ['-p', 'tsconfig.build.json'], { cwd: root });
  } catch (error) {
    throw new Error(`tsc failed:\n${(error as { stdout?: string }).stdout ?? String(error)}`);
  }
}

async function compileKernels(): Promise<void> {
  const folder = join(root, 'core/kernels/assembly');
  const sources = (await readdir(folder)).filter((name) => name.endsWith('.ts'));
  await Promise.all(
    sources.map((name) =>
      run(
        bin('asc'),
        [
          join(folder, name),
          '--outFile',
          join(root, 'dist/core/kernels', `${basename(name, '.ts')}.wasm`),
          ...['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert', '--importMemory', '--use', 'abort='],
        ],
        { cwd: root },
      ),
    ),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
