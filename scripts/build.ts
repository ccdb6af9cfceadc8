import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { OWN_DATA_BYTES } from '../core/kernels/kernel-memory.js';
import { bundleThreads } from './thread-bundle.js';
import { bundleWorkflows } from './workflow-bundle.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

/** Compiles TypeScript to dist/ and every core/kernels/assembly/*.ts to dist/core/kernels/*.wasm (SIMD, never relaxed SIMD); bundles workflows and threads. */
export async function build(): Promise<void> {
  await mkdir(join(root, 'dist/core/kernels'), { recursive: true });
  await Promise.all([compileTypeScript(), compileKernels()]);
  await Promise.all([bundleWorkflows(join(root, 'dist')), bundleThreads(join(root, 'dist'))]);
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
      compileKernel(join(folder, name), join(root, 'dist/core/kernels', `${basename(name, '.ts')}.wasm`)),
    ),
  );
  await packHdf5Plugin();
}

/** Compiles one kernel. Its own data must end below the areas that the host lays out in its memory. */
export async function compileKernel(source: string, outFile: string): Promise<void> {
  const flags = ['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert', '--importMemory', '--use', 'abort='];
  // A plugin gets its memory from the program that loads it, and has no data at all.
  if (basename(source) === PLUGIN_SOURCE) {
    await run(bin('asc'), [source, '--outFile', outFile, ...flags], { cwd: root });
    return;
  }
  const ownData = join(root, 'core/kernels/assembly/memory/own-data.ts');
  await run(bin('asc'), [source, ownData, '--outFile', outFile, ...flags], { cwd: root });
  const end = await ownDataEnd(outFile);
  if (end > OWN_DATA_BYTES)
    throw new Error(
      `${source}: its own data ends at byte ${end} of its memory, and the areas of the host begin at byte ${OWN_DATA_BYTES}. Raise OWN_DATA_BYTES in core/kernels/kernel-memory.ts.`,
    );
}

async function ownDataEnd(wasm: string): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(await readFile(wasm)), { env: { memory } });
  return (exports.ownDataEnd as { readonly value: number }).value;
}

const PLUGIN_SOURCE = 'hdf5-lzf.ts';

/** What a dynamic library of Emscripten begins with: the section dylink.0 that asks for no memory and no table of its own. */
const DYNAMIC_LIBRARY = Buffer.from([0, 15, 8, ...Buffer.from('dylink.0'), 1, 4, 0, 0, 0, 0]);
const WASM_HEADER_BYTES = 8;

/** Packs the lzf kernel as a plugin that HDF5 finds: a file named lib*.so in a folder of plugins. */
async function packHdf5Plugin(): Promise<void> {
  const wasm = await readFile(join(root, 'dist/core/kernels/hdf5-lzf.wasm'));
  const folder = join(root, 'dist/core/kernels/hdf5-plugins');
  await mkdir(folder, { recursive: true });
  const parts = [wasm.subarray(0, WASM_HEADER_BYTES), DYNAMIC_LIBRARY, wasm.subarray(WASM_HEADER_BYTES)];
  await writeFile(join(folder, 'libH5Zlzf.so'), Buffer.concat(parts));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
