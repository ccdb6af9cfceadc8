import { build } from '../scripts/build.js';

/** Threads, workers and the CLI run built code, so every vitest run starts from a fresh build and never tests a stale one. */
export default async function setup(): Promise<void> {
  await build();
}
