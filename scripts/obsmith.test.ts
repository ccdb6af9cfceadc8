import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../core/package-root.js';
import { main } from './obsmith.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-cli-'));
  await writeFile(join(folder, 'good.yaml'), 'dataset: { name: pbmc }\nembedding_cpu: { methods: [gs] }\n');
  await writeFile(join(folder, 'bad.yaml'), 'dataset: { nam: pbmc }\nembedding_cpu: { methods: [gss] }\n');
});
afterEach(() => rm(folder, { recursive: true }));

async function obsmith(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: { BASE_FILE_PATH: folder, XDG_CACHE_HOME: folder, PATH: process.env.PATH },
    cwd: folder,
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}

describe('--json prints exactly one document', () => {
  test.each([
    [['config', 'good.yaml', '--json'], 0],
    [['--json', 'config', 'good.yaml'], 0],
    [['config', 'bad.yaml', '--json'], 2],
    [['config', 'absent.yaml', '--json'], 2],
    [['config', '--json'], 2],
    [['config', 'good.yaml', '--nope', '--json'], 2],
    [['config', 'good.yaml', '--set', 'x', '--json'], 2],
    [['cofnig', '--json'], 2],
    [['--json'], 0],
    [['--version', '--json'], 0],
    [['config', '--help', '--json'], 0],
    [['plan', 'good.yaml', '--section', 'embedding_tpu', '--json'], 2],
  ])('%j', async (argv, expected) => {
    const { code, out } = await obsmith(...argv);
    expect(code).toBe(expected);
    expect(JSON.parse(out)).toBeTypeOf('object');
  });

  test('an error has its type, message, remedy and all problems with their lines', async () => {
    const { out } = await obsmith('config', 'bad.yaml', '--json');
    expect(JSON.parse(out)).toEqual({
      error: {
        type: 'InvalidConfig',
        message: '3 problems in bad.yaml',
        remedy: expect.any(String),
        problems: [
          { where: 'bad.yaml', line: 1, message: expect.stringContaining('dataset.name'), remedy: expect.any(String) },
          { where: 'bad.yaml', line: 1, message: 'dataset.nam: unknown key', remedy: 'Did you mean "name"?' },
          {
            where: 'bad.yaml',
            line: 2,
            message: 'embedding_cpu.methods[0]: unknown method "gss"',
            remedy: expect.stringContaining('"gs"'),
          },
        ],
      },
    });
  });

  test('a usage error suggests the right command', async () => {
    const { out } = await obsmith('cofnig', '--json');
    expect(JSON.parse(out).error).toMatchObject({
      type: 'Usage',
      message: expect.stringContaining('Did you mean config?'),
    });
  });
});

describe('for people', () => {
  test('results go to stdout, errors and notes to stderr, without colour where there is no terminal', async () => {
    const good = await obsmith('config', 'good.yaml', '--set', 'embedding_gpu.init_kwargs={geneformer_root: x}');
    expect(good).toMatchObject({
      code: 0,
      out: expect.stringContaining('name: pbmc'),
      err: expect.stringMatching(/^note embedding_gpu\.init_kwargs/),
    });
    const bad = await obsmith('config', 'bad.yaml');
    expect(bad).toMatchObject({ code: 2, out: '' });
    expect(bad.err).toContain('bad.yaml:2  embedding_cpu.methods[0]: unknown method "gss"\n    → Did you mean "gs"?');
    expect(bad.err).not.toContain('\u001b');
  });

  test('help of a command has examples; every command is in the help', async () => {
    const { out } = await obsmith('--help');
    for (const command of ['import', 'config', 'plan', 'doctor']) expect(out).toMatch(new RegExp(`^  ${command}`, 'm'));
    expect((await obsmith('plan', '--help')).out).toContain('Examples:');
    expect((await obsmith()).out).toBe(out);
  });

  test('the version is that of package.json', async () => {
    const { version } = JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
    expect((await obsmith('--version')).out).toBe(`${version}\n`);
  });
});

test('config prints what can be loaded again', async () => {
  const { out } = await obsmith('config', 'good.yaml', '--set', 'embedding_cpu.batch_size=7');
  await writeFile(join(folder, 'again.yaml'), out);
  const again = await obsmith('config', 'again.yaml');
  expect(again.out).toBe(out);
  expect(out).toContain('batch_size: 7');
});

test('doctor names what is missing and what to do, and what is broken decides the exit code', async () => {
  const { code, out } = await obsmith('doctor', '--json');
  const { healthy, checks } = JSON.parse(out) as {
    healthy: boolean;
    checks: { name: string; state: string; remedy: string | null }[];
  };
  expect(checks.map((check) => check.name)).toEqual(
    expect.arrayContaining(['Node.js', 'Temporal server', 'GPU', 'methods', 'base folder']),
  );
  for (const check of checks) expect(check.remedy === null).toBe(check.state === 'ok');
  expect(healthy).toBe(checks.every((check) => check.state !== 'broken'));
  expect(code).toBe(healthy ? 0 : 1);
});
