import { hostname } from 'node:os';
import { isRunning } from '../../machine/process-running.js';

/** Says which process a file belongs to, so that others can tell whether it still runs. */
export interface ProcessOwner {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
}

/** Text to put into such a file. */
export const ownedByThisProcess = (token: string): string =>
  JSON.stringify({ token, host: hostname(), pid: process.pid } satisfies ProcessOwner);

/** True only where the process surely ended: it ran on this host and is no more. */
export function hasEnded(text: string): boolean {
  const owner = parse(text);
  return owner !== null && owner.host === hostname() && !isRunning(owner.pid);
}

function parse(text: string): ProcessOwner | null {
  try {
    const owner = JSON.parse(text) as ProcessOwner | null;
    return typeof owner?.pid === 'number' ? owner : null;
  } catch {
    return null;
  }
}
