import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../scripts/build.js';
import { binarySources } from '../server/binary-sources.js';
import { findBinary } from '../server/find-binary.js';

/**
 * Threads, workers and the CLI run built code, so every vitest run starts from a fresh build and never tests a stale
 * one. Temporary folders of all tests lie in one, which is removed at the end. Where there is no Temporal server yet, it
 * is obtained here: that may take minutes, for which no test waits. Tests that need one say why there is none.
 */
export default async function setup(): Promise<() => Promise<void>> {
  await build();
  await findBinary(binarySources(process.env), (line) => console.error(line)).catch(() => {});
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-tests-'));
  process.env.TMPDIR = folder;
  return () => rm(folder, { recursive: true, force: true });
}
