import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { binarySources } from './binary-sources.js';
import { cachedBinary } from './cache-folder.js';
import { type BinarySource, findBinary } from './find-binary.js';

const fake = (name: string, found: string | null, asked: string[] = []): BinarySource => ({
  name,
  async obtain() {
    asked.push(name);
    return found ?? { message: `${name} has none`, remedy: `get ${name}` };
  },
});

describe('findBinary', () => {
  it('asks the sources in order and stops at the first that has one', async () => {
    const asked: string[] = [];
    const sources = [fake('PATH', null, asked), fake('cache', '/c/temporal', asked), fake('download', '/d', asked)];
    expect(await findBinary(sources, () => {})).toEqual({ path: '/c/temporal', source: 'cache' });
    expect(asked).toEqual(['PATH', 'cache']);
  });

  it('says of every source why it failed and what to do', async () => {
    const finding = findBinary([fake('PATH', null), fake('go install', null)], () => {});
    await expect(finding).rejects.toMatchObject({
      type: 'StoreUnavailable',
      problems: [
        { where: 'PATH', message: 'PATH has none', remedy: 'get PATH' },
        { where: 'go install', message: 'go install has none', remedy: 'get go install' },
      ],
    });
  });
});

describe('binarySources', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'obsmith-binary-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const script = async (path: string, body: string): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `#!/bin/sh\n${body}\n`);
    await chmod(path, 0o755);
  };
  const first = (env: NodeJS.ProcessEnv) => findBinary(binarySources(env).slice(0, 2), () => {});

  it('are PATH, cache, download and go install, in this order', () => {
    expect(binarySources({}).map(({ name }) => name)).toEqual(['PATH', 'cache', 'download', 'go install']);
  });

  it('finds `temporal` on the PATH, skipping one that does not run', async () => {
    await script(join(folder, 'broken/temporal'), 'exit 1');
    await script(join(folder, 'good/temporal'), 'echo 1.5.1');
    const env = { PATH: `${folder}/none:${folder}/broken:${folder}/good`, XDG_CACHE_HOME: folder };
    expect(await first(env)).toEqual({ path: join(folder, 'good/temporal'), source: 'PATH' });
  });

  it('finds the cached copy of its version', async () => {
    const env = { PATH: '', XDG_CACHE_HOME: folder };
    await script(cachedBinary(env), 'echo 1.5.1');
    expect(await first(env)).toEqual({ path: join(folder, 'obsmith/temporal/v1.5.1/temporal'), source: 'cache' });
  });

  it('tells of a cached copy that does not run, with the command that removes it', async () => {
    const env = { PATH: '', XDG_CACHE_HOME: folder };
    await script(cachedBinary(env), 'exit 3');
    await expect(first(env)).rejects.toMatchObject({
      problems: [{ where: 'PATH' }, { where: 'cache', remedy: `Remove it: rm ${cachedBinary(env)}` }],
    });
  });

  it('builds with Go into the cache once, under a lock, and says so before', async () => {
    await script(
      join(folder, 'bin/go'),
      'mkdir -p "$GOBIN" && printf "#!/bin/sh\\necho 1.5.1\\n" > "$GOBIN/temporal" && chmod +x "$GOBIN/temporal" && echo built >> "$LOG"',
    );
    const env = { PATH: `${folder}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: folder, LOG: join(folder, 'log') };
    const go = binarySources(env)[3]!;
    const said: string[] = [];
    const paths = await withPath(env.PATH, () =>
      Promise.all([go.obtain((line) => said.push(line)), go.obtain((line) => said.push(line))]),
    );
    expect(paths).toEqual([cachedBinary(env), cachedBinary(env)]);
    // Which of the two speaks first is open; one builds, the other one waits.
    expect(said.filter((line) => line === 'Building the Temporal server once (about 5 minutes)...')).toHaveLength(1);
    expect(said.filter((line) => line.startsWith('Another process builds the Temporal server'))).toHaveLength(1);
    expect(await import('node:fs/promises').then(({ readFile }) => readFile(env.LOG, 'utf8'))).toBe('built\n');
  });

  it('says what to do where Go cannot build it', async () => {
    await script(join(folder, 'bin/go'), 'echo "no network" >&2; exit 1');
    const env = { PATH: `${folder}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: folder };
    const problem = await withPath(env.PATH, () => binarySources(env)[3]!.obtain(() => {}));
    expect(problem).toMatchObject({
      message: expect.stringContaining('no network'),
      remedy: expect.stringContaining('go install'),
    });
  });
});

/** The command itself is looked up on this process's PATH. */
async function withPath<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const before = process.env.PATH;
  process.env.PATH = path;
  try {
    return await work();
  } finally {
    process.env.PATH = before;
  }
}
