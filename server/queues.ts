import type { WorkerKind } from '../activities/types.js';

/** Task queues of one installation. */
export interface QueueNames extends Readonly<Record<WorkerKind, string>> {
  /** Workflows and light activities. */
  readonly workflows: string;
}

/** Names with the prefix that OBSMITH_QUEUE_PREFIX sets, so that installations can share a namespace. */
export function queueNames(prefix: string): QueueNames {
  const workflows = `${prefix}obsmith`;
  return { workflows, cpu: `${workflows}-cpu`, gpu: `${workflows}-gpu` };
}

export const queuePrefix = (env: NodeJS.ProcessEnv): string => env.OBSMITH_QUEUE_PREFIX ?? '';
