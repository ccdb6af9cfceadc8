import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { built } from '../package-root.js';
import { runLogFolder } from './layout.js';
import { chunkLog, LogFiles } from './run-logs.js';

const run = promisify(execFile);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-logs-'));
});
afterEach(() => rm(folder, { recursive: true }));

const FILE = chunkLog('embedding_cpu', 'train/chunk_0');

it('makes folders as they are needed and keeps the order of lines', async () => {
  const files = new LogFiles(() => expect.unreachable('it can be written'));
  const lines = Array.from({ length: 200 }, (_, index) => `line ${index}\n`);
  for (const line of lines) files.append(folder, FILE, line);
  await files.flush();
  expect(await readFile(join(folder, 'embedding_cpu/train/chunk_0.log'), 'utf8')).toBe(lines.join(''));
});

it('keeps the lines of several processes whole', async () => {
  const script = `
    import { LogFiles } from ${JSON.stringify(built('core/dataset/run-logs.js'))};
    const files = new LogFiles((_, error) => { throw error; });
    for (let n = 0; n < 500; n++) {
      files.append(${JSON.stringify(folder)}, ${JSON.stringify(FILE)}, process.pid + ' ' + n + ' ' + 'x'.repeat(300) + '\\n');
      if (n % 50 === 0) await files.flush();
    }
    await files.flush();`;
  const processes = Array.from({ length: 3 }, () => run(process.execPath, ['--input-type=module', '-e', script]));
  await Promise.all(processes);
  const lines = (await readFile(join(folder, FILE), 'utf8')).trimEnd().split('\n');
  expect(lines).toHaveLength(1500);
  expect(lines.filter((line) => !/^\d+ \d+ x{300}$/.test(line))).toEqual([]);
});

it('reports a folder that cannot be written once, and goes on', async () => {
  const reports: [string, string][] = [];
  const files = new LogFiles((place, error) => reports.push([place, (error as NodeJS.ErrnoException).code ?? '']));
  const taken = join(folder, 'taken');
  await writeFile(taken, '');
  for (let n = 0; n < 5; n++) files.append(taken, FILE, 'lost\n');
  files.append(folder, FILE, 'kept\n');
  await files.flush();
  expect(reports).toEqual([[taken, 'ENOTDIR']]);
  expect(await readFile(join(folder, FILE), 'utf8')).toBe('kept\n');
});

it.each([
  ['embed-pbmc', '.obsmith/runs/embed-pbmc/r1'],
  ['a/../../b', '.obsmith/runs/a%2F..%2F..%2Fb/r1'],
  ['..', '.obsmith/runs/%2E%2E/r1'],
])('a workflow id %s is one folder', (workflowId, path) => {
  expect(runLogFolder(workflowId, 'r1')).toBe(path);
});
