import { readFileSync } from 'node:fs';

/**
 * Whether this host has a process of that id that still runs. One that ended and was not collected by its parent (as
 * happens in containers without an init) does not run, though it takes signals; only Linux tells.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false; // No /proc here, or it ended just now, which the next look shows.
  }
}
