import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PACKAGE_ROOT } from '../core/package-root.js';
import { main } from '../scripts/obsmith.js';

const DEPLOY = join(PACKAGE_ROOT, 'scripts/deploy');
const text = (file: string): Promise<string> => readFile(join(DEPLOY, file), 'utf8');

/** Words of a command line, without quotes and shell variables' values. */
const wordsOf = (line: string): string[] =>
  line.match(/"[^"]*"|'[^']*'|\S+/g)!.map((word) => word.replace(/["'`]/g, ''));

/** Every use of the CLI in documents and deployment files: what follows `obsmith` up to the end of the command. */
async function usedCommands(): Promise<{ file: string; argv: string[] }[]> {
  const files = (await readdir(DEPLOY, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const found: { file: string; argv: string[] }[] = [];
  for (const file of [...files, join(PACKAGE_ROOT, 'README.md')]) {
    const lines = (await readFile(file, 'utf8')).replaceAll('\\\n', ' ');
    const uses = lines.matchAll(
      /(?:npx obsmith|scripts\/obsmith\.js|obsmith\.sif|"\$\{obsmith\[@\]\}"|compose\.yaml run --rm cli|`obsmith) +([^\n`|&;)#]+)/g,
    );
    for (const [, rest] of uses) found.push({ file, argv: wordsOf(rest!.trim()) });
    const words = lines.matchAll(/(?:command: |CMD )\[(.*)\]/g);
    for (const [, list] of words)
      found.push({ file, argv: list!.split(',').map((word) => word.trim().replace(/"/g, '')) });
  }
  return found.filter(({ argv }) => /^[a-z]+$/.test(argv[0]!) && !['server', 'node'].includes(argv[0]!));
}

/** Help of the command that some words name; null where there is none. */
async function helpOf(argv: readonly string[]): Promise<string | null> {
  const out: string[] = [];
  const code = await main([...argv, '--help'], {
    stdout: { write: (part) => out.push(part) },
    stderr: { write: () => {} },
    env: {},
    cwd: PACKAGE_ROOT,
    signal: new AbortController().signal,
  });
  return code === 0 ? out.join('') : null;
}

describe('deployment files and documents', () => {
  it('use commands and options that exist', async () => {
    const used = await usedCommands();
    expect(used.length).toBeGreaterThan(20);
    for (const { file, argv } of used) {
      const kinds = argv[1] === '%i' || argv[1] === '$kind' ? ['cpu', 'gpu'] : [argv[1]];
      for (const kind of kinds) {
        const command = ['worker', 'verify', 'models'].includes(argv[0]!) ? [argv[0]!, kind!] : [argv[0]!];
        const help = await helpOf(command);
        expect(help, `${file}: obsmith ${argv.join(' ')}`).toContain(`Usage: obsmith ${command.join(' ')}`);
        for (const option of argv.filter((word) => /^--[a-z]/.test(word)))
          if (option !== '--json') expect(help, `${file}: obsmith ${argv.join(' ')}`).toContain(option.split('=')[0]);
      }
    }
  });

  it('have shell scripts that bash can read', async () => {
    for (const script of ['slurm/embed.sh', 'slurm/worker.sh']) {
      const { status, stderr } = spawnSync('bash', ['-n', join(DEPLOY, script)], { encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    }
  });

  it('build images from what is there', async () => {
    const compose = parse(await text('container/compose.yaml'), { merge: true });
    expect(Object.keys(compose.services)).toEqual(['temporal', 'cpu', 'gpu', 'cli']);
    const dockerfile = await text('container/Dockerfile');
    for (const { build } of Object.values<{ build?: Record<string, string> }>(compose.services)) {
      if (!build) continue;
      expect(resolve(DEPLOY, 'container', build.context!)).toBe(resolve(PACKAGE_ROOT));
      expect(existsSync(join(PACKAGE_ROOT, build.dockerfile!))).toBe(true);
      expect(dockerfile).toContain(` AS ${build.target}\n`);
    }
    const entry = (
      JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { bin: { obsmith: string } }
    ).bin.obsmith;
    const paths = [dockerfile, await text('container/obsmith.def'), await text('systemd/obsmith-worker@.service')];
    for (const path of paths) expect(path).toContain(`/opt/obsmith/${entry}`);
    expect(existsSync(join(PACKAGE_ROOT, 'node_modules/onnxruntime-node/script/install.js'))).toBe(true);
  });

  it('have units whose variables stand in their environment file', async () => {
    const environment = await text('systemd/obsmith.env');
    for (const unit of ['obsmith-server.service', 'obsmith-worker@.service']) {
      const used = (await text(`systemd/${unit}`)).matchAll(/\$\{(\w+)\}/g);
      for (const [, name] of used) expect(environment).toMatch(new RegExp(`^${name}=`, 'm'));
    }
  });
});
