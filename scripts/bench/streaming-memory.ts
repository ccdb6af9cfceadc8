import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { built } from '../../core/package-root.js';

// Peak memory of reading all rows of X and of copying a store, each in a process of its own that runs built code:
//   npx tsx scripts/bench/streaming-memory.ts [--bound MB] STORE...
// Exits with 1 where a process exceeds the bound. Stores of 10,000 and 100,000 cells should differ by little.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { bound: { type: 'string', default: '400' } },
});
const bound = Number(values.bound);

const READ = `
  const store = await (await import(${JSON.stringify(built('core/anndata/open.js'))})).openAnnData(path);
  for await (const block of store.rowBlocks('X')) block.rows;
  await store.close();`;
const COPY = `
  const { copyToZarr } = await import(${JSON.stringify(built('core/anndata/copy.js'))});
  await copyToZarr(path, target, { progress() {}, checkCancelled() {} });`;

/** Runs code in a new process and returns its peak resident memory in MB. */
function peakOf(code: string, path: string, target: string): Promise<number> {
  const program = `const [path, target] = process.argv.slice(1);${code}
  console.log(process.resourceUsage().maxRSS / 1024);`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path, target], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (part) => {
      output += part;
    });
    child.on('close', (code) => {
      if (code === 0) resolve(Math.round(Number(output)));
      else reject(new Error(`reading ${path} ended with ${code}`));
    });
  });
}

const folder = await mkdtemp(join(tmpdir(), 'obsmith-memory-'));
try {
  for (const path of positionals) {
    const read = await peakOf(READ, path, '');
    const copy = await peakOf(COPY, path, join(folder, 'copy.zarr'));
    await rm(join(folder, 'copy.zarr'), { recursive: true });
    console.log(`${path}: reading X ${read} MB, copying ${copy} MB (bound ${bound} MB)`);
    if (Math.max(read, copy) > bound) process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
