import { main } from '../scripts/obsmith.js';

export interface CommandEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line of `obsmith` in this process. */
export async function obsmithIn(cwd: string, env: NodeJS.ProcessEnv, argv: readonly string[]): Promise<CommandEnd> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main([...argv], {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    ...{ env, cwd, signal: new AbortController().signal },
  });
  return { code, out: out.join(''), err: err.join('') };
}
