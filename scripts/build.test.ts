import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OWN_DATA_BYTES } from '../core/kernels/kernel-memory.js';
import { compileKernel } from './build.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-build-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Compiles a kernel with a table of so many bytes of its own. */
async function compile(tableBytes: number): Promise<WebAssembly.Instance> {
  const source = join(folder, 'kernel.ts');
  await writeFile(
    source,
    `const TABLE: usize = memory.data(${tableBytes});\nexport function at(i: i32): u8 { return load<u8>(TABLE + i); }\n`,
  );
  await compileKernel(source, join(folder, 'kernel.wasm'));
  const memory = new WebAssembly.Memory({ initial: 1 });
  return new WebAssembly.Instance(new WebAssembly.Module(await readFile(join(folder, 'kernel.wasm'))), {
    env: { memory },
  });
}

test('a kernel whose own data reaches into the areas of the host is not built', async () => {
  const { exports } = await compile(OWN_DATA_BYTES / 2);
  expect((exports.at as (index: number) => number)(0)).toBe(0);
  await expect(compile(OWN_DATA_BYTES)).rejects.toThrow(
    /kernel\.ts: its own data ends at byte 51\d\d of its memory, and the areas of the host begin at byte 4096/,
  );
});
