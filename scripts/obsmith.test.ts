import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../core/package-root.js';
import { obsmithIn } from '../test/in-process-cli.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-cli-'));
  await writeFile(join(folder, 'good.yaml'), 'dataset: { name: pbmc }\nembedding_cpu: { methods: [gs] }\n');
  await writeFile(join(folder, 'bad.yaml'), 'dataset: { nam: pbmc }\nembedding_cpu: { methods: [gss] }\n');
});
afterEach(() => rm(folder, { recursive: true }));

const obsmith = (...argv: string[]) =>
  obsmithIn(folder, { BASE_FILE_PATH: folder, XDG_CACHE_HOME: folder, PATH: process.env.PATH }, argv);

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
    [['worker', '--json'], 2],
    [['models', '--json'], 2],
    [['models', '--help', '--json'], 0],
    [['help', 'models', '--json'], 0],
    [['models', 'help', '--json'], 0],
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

  test('a command without its subcommand says which command that is', async () => {
    expect(JSON.parse((await obsmith('verify', '--json')).out).error).toMatchObject({
      type: 'Usage',
      message: 'verify lacks its subcommand',
    });
  });

  test.each(['cuda:0', 'webgpu'])('a CPU worker refuses %s and names the worker for it', async (device) => {
    const { code, out } = await obsmith('worker', 'cpu', '--device', device, '--json');
    expect(code).toBe(2);
    expect(JSON.parse(out).error).toMatchObject({
      type: 'Usage',
      message: expect.stringContaining(`obsmith worker gpu --device ${device}`),
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
    for (const command of ['import', 'config', 'plan', 'verify', 'inspect', 'doctor'])
      expect(out).toMatch(new RegExp(`^  ${command}`, 'm'));
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
    expect.arrayContaining([
      'Node.js',
      'Temporal server',
      'GPU',
      'methods',
      'model bundles',
      'ONNX Runtime',
      'base folder',
    ]),
  );
  for (const check of checks) expect(check.remedy === null).toBe(check.state === 'ok');
  expect(healthy).toBe(checks.every((check) => check.state !== 'broken'));
  expect(code).toBe(healthy ? 0 : 1);
});

const fixture = (name: string) => join(PACKAGE_ROOT, 'test/fixtures', name);

describe('import, plan, verify and inspect on a real file', () => {
  const imported = () =>
    obsmith('import', fixture('import/scanpy_10x_v3.h5'), '--dataset', 'pbmc', '--chunk-size', '200', '--json');

  test('a data set goes from a raw file to a plan', async () => {
    const { code, out } = await imported();
    expect(code).toBe(0);
    const report = JSON.parse(out);
    expect(report.root).toBe('processed/train/pbmc');
    const { out: planned } = await obsmith('plan', 'good.yaml', '--json');
    const plan = JSON.parse(planned);
    expect(plan).toMatchObject({ dataset: 'pbmc', chunks: report.chunks.length, cells: report.cells });
    expect(plan.rows.map((row: { chunk: string; action: string }) => `${row.chunk} ${row.action}`)).toEqual(
      report.chunks.map((chunk: { name: string }) => `${chunk.name} compute`),
    );
    expect(await obsmith('verify', 'inputs', 'good.yaml')).toMatchObject({
      code: 0,
      out: expect.stringContaining('no problems in'),
    });
    expect(await obsmith('verify', 'outputs', 'good.yaml')).toMatchObject({
      code: 1,
      out: expect.stringContaining('There is no output'),
    });
    expect(await imported()).toMatchObject({ code: 1, out: expect.stringContaining('exists already') });
  });

  test('verify names a chunk that lies outside of the base folder beside all others, and a data set without chunks', async () => {
    expect(await obsmith('verify', 'inputs', 'good.yaml')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Input file not found: no chunk_*.zarr'),
    });
    await imported();
    await symlink(fixture('reader/v2.zarr'), join(folder, 'processed/train/pbmc/val/chunk_9.zarr'));
    const { code, out } = await obsmith('verify', 'inputs', 'good.yaml', '--json');
    expect(code).toBe(1);
    const { chunks, problems } = JSON.parse(out);
    expect(chunks.length).toBeGreaterThan(5);
    expect(problems[0].message).toMatch(/val\/chunk_9\.zarr leads to .*outside of the base folder/);
  });

  test('a plan narrowed to what is not there is refused before anything is read', async () => {
    await imported();
    const refused = await obsmith('plan', 'good.yaml', '--methods', 'gs10k,gx', '--json');
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.out).error.problems).toHaveLength(2);
    expect((await obsmith('plan', 'good.yaml', '--chunk', 'train/chunk_99')).code).toBe(2);
  });

  test('import refuses bad options, a missing base folder and files that are not there', async () => {
    expect(await obsmith('import', 'absent.h5ad', '--dataset', 'x')).toMatchObject({
      code: 1,
      err: expect.stringContaining('absent.h5ad'),
    });
    expect((await obsmith('import', 'absent.h5ad')).err).toContain("required option '--dataset <name>'");
    expect((await obsmith('import', 'a.h5ad', '--dataset', 'x', '--chunk-size', 'many')).err).toContain(
      'Expected a number',
    );
    expect(
      await obsmith('import', 'a.h5ad', '--dataset', 'x', '--train-split', '2', '--chunk-size', '0', '--json'),
    ).toMatchObject({ code: 2 });
  });

  test('verify lists every problem of every chunk and fails', async () => {
    const { code, out } = await obsmith(
      'verify',
      'inputs',
      fixture('reader'),
      '--batch-key',
      'no_such_column',
      '--json',
    );
    expect(code).toBe(1);
    const { ok, chunks, problems } = JSON.parse(out);
    expect(ok).toBe(false);
    expect(chunks).toHaveLength(7);
    for (const chunk of chunks) {
      expect(chunk.problems).toContainEqual(
        expect.objectContaining({ message: expect.stringContaining('"no_such_column"') }),
      );
    }
    expect(problems).toEqual(chunks.flatMap((chunk: { problems: unknown[] }) => chunk.problems));
  });

  test('inspect shows what is in a store of any format', async () => {
    for (const name of ['reader/v2.zarr', 'reader/v3.zarr', 'reader/plain.h5ad']) {
      const { code, out } = await obsmith('inspect', fixture(name));
      expect(code).toBe(0);
      expect(out).toMatch(/shape +[\d,]+ cells x [\d,]+ genes/);
      expect(JSON.parse((await obsmith('inspect', fixture(name), '--json')).out)).toMatchObject({
        kind: 'store',
        path: fixture(name),
      });
    }
    expect(await obsmith('inspect', 'absent')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Input file not found'),
    });
  });
});
