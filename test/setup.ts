import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../scripts/build.js';

/**
 * Threads, workers and the CLI run built code, so every vitest run starts from a fresh build and never tests a stale
 * one. Temporary folders of all tests lie in one, which is removed at the end.
 */
export default async function setup(): Promise<() => Promise<void>> {
  await build();
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-tests-'));
  process.env.TMPDIR = folder;
  return () => rm(folder, { recursive: true, force: true });
}
