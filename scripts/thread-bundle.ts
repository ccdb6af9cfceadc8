import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Loaded as they are, when they are needed: native code, or a megabyte of wasm. */
const APART = ['h5wasm', 'h5wasm-plugins', 'numcodecs', 'onnxruntime-node'];

/** Bundles what threads run into a few files: every thread loads it anew, and hundreds of modules take it twice as long. */
export async function bundleThreads(dist: string): Promise<void> {
  const outdir = join(dist, 'threads');
  await rm(outdir, { recursive: true, force: true });
  await build({
    entryPoints: [join(dist, 'core/tasks/thread.js')],
    outdir,
    ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20.19' },
    external: APART,
    sourcemap: true,
    // Packages in CommonJS ask for Node's own modules by require.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'error',
  });
}
