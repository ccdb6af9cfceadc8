import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Runs a command that ends with this process, whatever ends it: the shell's standard input is a pipe that only this
 * process holds. It closes even after kill -9, and the shell then ends the command.
 */
const GUARD = [
  'exec 3<&0',
  '"$@" </dev/null 3<&- & child=$!',
  '{ cat <&3 >/dev/null; kill "$child"; } 2>/dev/null & guard=$!',
  'exec 3<&-',
  'wait "$child"; code=$?',
  'kill "$guard" 2>/dev/null',
  'exit $code',
].join('\n');

const STOP_MS = 20_000;

export interface GuardedProcess {
  /** Pid of the guarding shell; the command is its child. */
  readonly pid: number;
  /** The command's exit code when it has ended, null where a signal ended the guard. */
  readonly exited: Promise<number | null>;
  /** Asks it to end (SIGTERM) and waits; after 20 s, or `withinMs`, it is killed. */
  stop(withinMs?: number): Promise<void>;
}

/** Starts a command in its own process group, so that Ctrl-C in the terminal does not reach it; its output goes to a file. */
export function startGuarded(command: readonly string[], logFile: string, env: NodeJS.ProcessEnv): GuardedProcess {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  const shell = spawn('/bin/sh', ['-c', GUARD, 'guard', ...command], {
    detached: true,
    env,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  const exited = untilExit(shell);
  return {
    pid: shell.pid ?? 0,
    exited,
    async stop(withinMs = STOP_MS) {
      shell.stdin?.destroy();
      const killer = setTimeout(() => killGroup(shell), withinMs);
      await exited;
      clearTimeout(killer);
    },
  };
}

function untilExit(shell: ChildProcess): Promise<number | null> {
  shell.stdin?.on('error', () => {}); // EPIPE of a guard that is gone; its exit says so.
  return new Promise((resolve, reject) => {
    shell.on('error', reject);
    shell.on('exit', (code) => {
      shell.stdin?.destroy();
      resolve(code);
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
