#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CommandEntry, type ExitCode, runCommandLine } from './terminal/cli.js';
import type { Host } from './terminal/terminal.js';

/** In the order of the help. A command file keeps heavy imports inside its action. */
const COMMANDS: readonly CommandEntry[] = [
  { names: ['demo'], load: () => import('./commands/demo.js') },
  { names: ['dev'], load: () => import('./commands/dev.js') },
  { names: ['worker'], load: () => import('./commands/worker.js') },
  { names: ['import'], load: () => import('./commands/import.js') },
  { names: ['config'], load: () => import('./commands/config.js') },
  { names: ['plan'], load: () => import('./commands/plan.js') },
  { names: ['run'], load: () => import('./commands/run.js') },
  { names: ['status'], load: () => import('./commands/status.js') },
  { names: ['pause'], load: () => import('./commands/pause.js') },
  { names: ['resume'], load: () => import('./commands/resume.js') },
  { names: ['cancel'], load: () => import('./commands/cancel.js') },
  { names: ['rerun'], load: () => import('./commands/rerun.js') },
  { names: ['verify'], load: () => import('./commands/verify.js') },
  { names: ['inspect'], load: () => import('./commands/inspect.js') },
  { names: ['models'], load: () => import('./commands/models.js') },
  { names: ['doctor'], load: () => import('./commands/doctor.js') },
];

/** The whole CLI in-process: the entry below and tests call it. */
export function main(argv: readonly string[], host: Host): Promise<ExitCode> {
  return runCommandLine(argv, COMMANDS, host);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { stdout, stderr, env } = process;
  // A closed pipe (`obsmith config x | head -1`) is no failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await main(process.argv.slice(2), {
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    signal: interruption(),
  });
}

/** The first Ctrl-C (or SIGTERM) asks the command to stop, the second ends the process at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}
