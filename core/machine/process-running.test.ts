import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { isRunning } from './process-running.js';

it('knows a process that runs from one that ended', () => {
  expect(isRunning(process.pid)).toBe(true);
  expect(isRunning(spawnSync('true').pid)).toBe(false);
});

it.runIf(process.platform === 'linux')('takes one that nobody collected for ended', async () => {
  // The shell's child ends only once the shell has become a program that never asks for it.
  const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec sleep 60'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    const child = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') await sleep(10);
    expect(isRunning(child)).toBe(true);
    parent.stdin.end();
    while (!/\) Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8'))) await sleep(10);
    expect(isRunning(child)).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});
