import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const CHILD = fileURLToPath(new URL('embed-child.ts', import.meta.url));

/** Embeds the first chunk of a plan, as attempt `first`, in a process of its own that ends by kill -9 once so many rows are done. */
export async function embedAndKill(base: string, plan: string, method: string, rows: number): Promise<void> {
  const command = ['--import', 'tsx', CHILD, base, plan, method, 'first', String(rows)];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'inherit', 'inherit'] });
  const signal = await new Promise((resolve) => child.on('close', (_, name) => resolve(name)));
  expect(signal).toBe('SIGKILL');
}
