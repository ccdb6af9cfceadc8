import type { Client } from '@temporalio/client';
import { rerunMethodsUpdate } from '../workflows/messages.js';
import type { ControlAnswer, MethodsMessage, RunRequest } from '../workflows/types.js';
import { readStatus } from './run-status.js';
import { requestOf } from './start-run.js';
import { steerRun } from './steer-run.js';

/** A run that goes on takes a rerun up by itself; a closed one has to be started anew with this request. */
export type Rerun =
  | { readonly kind: 'told'; readonly answer: ControlAnswer }
  | { readonly kind: 'closed'; readonly request: RunRequest };

/** Asks a run to compute arrays again. InvalidConfig where it refuses that, or is not there. */
export async function requestRerun(client: Client, workflowId: string, message: MethodsMessage): Promise<Rerun> {
  const { status } = await readStatus(client, workflowId);
  if (status === 'running')
    return { kind: 'told', answer: await steerRun(client, workflowId, rerunMethodsUpdate, message) };
  // A run that only prepared has no arrays: computing them again is embedding them.
  const { prepareOnly: _, section, ...request } = (await requestOf(client, workflowId)) as RunRequest;
  const embeds = section === undefined || section === 'embedding_preparation' ? {} : { section };
  const { methods, chunks } = message;
  return {
    kind: 'closed',
    request: { ...request, ...embeds, methods, ...(chunks ? { chunks } : {}), overwrite: true },
  };
}
