import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const CHILD = fileURLToPath(new URL('slow-embedding.ts', import.meta.url));
const CELLS = 40;
const ROW_MS = 40;
const SAVE_MS = 200;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-slow-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Rows that one attempt computes until it ends, or until it has begun `killAt` and is killed with -9. */
async function attempt(name: string, rowMs: number, killAt?: number): Promise<number[]> {
  const given = [folder, name, rowMs, SAVE_MS, ...(killAt === undefined ? [] : [killAt])].map(String);
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, ...given], { stdio: ['ignore', 'pipe', 'inherit'] });
  const rows: number[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    rows.push(...text.trim().split('\n').map(Number));
  });
  expect(await endOf(child)).toBe(killAt === undefined ? null : 'SIGKILL');
  return rows;
}

const endOf = (child: ChildProcess) => new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));

it('kill -9 in the middle of a row block of hours costs the rows since they were saved last, and no byte', async () => {
  const killed = [await attempt('first', ROW_MS, 15), await attempt('second', ROW_MS, 15)];
  const last = await attempt('third', 0);
  const computed = [...killed.flat(), ...last];
  expect(new Set(computed).size).toBe(CELLS);
  expect(last.at(-1)).toBe(CELLS - 1);
  // Rows go on after those that were saved: each kill costs what SAVE_MS computes, and the rows of the call that it hit.
  const recomputed = computed.length - CELLS;
  expect(recomputed).toBeGreaterThan(0);
  expect(recomputed).toBeLessThan(30 - 8);
  expect(killed[1]![0]).toBeGreaterThan(0);
  expect(last[0]).toBeGreaterThan(killed[1]![0]!);

  const [own] = await readdir(join(folder, 'X_slow'));
  expect(await readdir(join(folder, 'X_slow', own!, 'begun'))).toEqual([]);
  const bytes = await readFile(join(folder, 'X_slow', own!, 'array', '0.0'));
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + CELLS * 8));
  expect(values).toEqual(Float32Array.from({ length: 2 * CELLS }, (_, at) => (at % 2 ? 1 / ((at + 1) / 2) : at / 2)));
}, 60_000);
