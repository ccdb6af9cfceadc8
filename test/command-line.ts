import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built, PACKAGE_ROOT } from '../core/package-root.js';

/** What a command line ended with. */
export interface CommandEnd {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The built CLI in a process of its own, which joins no server that happens to run here. */
export class CommandLine {
  readonly ended: Promise<CommandEnd>;
  readonly #process: ChildProcess;
  #out = '';
  #err = '';

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const preload = pathToFileURL(join(PACKAGE_ROOT, 'test/no-default-server.mjs')).href;
    const { TEMPORAL_ADDRESS: _, ...inherited } = process.env;
    this.#process = spawn(process.execPath, [built('scripts/obsmith.js'), ...argv], {
      env: { ...inherited, NODE_OPTIONS: `--import ${preload}`, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stdout!.on('data', (data: Buffer) => {
      this.#out += data.toString();
    });
    this.#process.stderr!.on('data', (data: Buffer) => {
      this.#err += data.toString();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', reject);
      this.#process.on('close', (code) => resolve({ code, out: this.#out, err: this.#err }));
    });
  }

  /** Waits until stderr says it; throws where the command ends before. */
  async said(pattern: RegExp): Promise<void> {
    let end: CommandEnd | undefined;
    void this.ended.then((value) => {
      end = value;
    });
    while (!pattern.test(this.#err)) {
      if (end) throw new Error(`ended with ${end.code} before it said ${pattern}: ${end.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  interrupt(): void {
    this.#process.kill('SIGINT');
  }

  terminate(): void {
    this.#process.kill('SIGTERM');
  }

  /** All processes that it started, and those that they started, with their command lines. */
  descendants(): { pid: number; command: string }[] {
    return descendantsOf(this.#process.pid!);
  }
}

function descendantsOf(pid: number): { pid: number; command: string }[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const status = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : null;
    // Fields after the command, which stands in parentheses: state, parent.
    if (status) parents.set(Number(name), Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const below = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid).map((child) => ({
    pid: child,
    command: (read(`/proc/${child}/cmdline`) ?? '').replaceAll('\0', ' '),
  }));
}

/** Processes end while one looks. */
function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

export const commandLine = (argv: readonly string[], env?: NodeJS.ProcessEnv): Promise<CommandEnd> =>
  new CommandLine(argv, env).ended;
