import { join } from 'node:path';
import { openAnnData } from '../anndata/open.js';
import type { AnnData } from '../anndata/types.js';
import { keptExpressionFile } from '../dataset/layout.js';
import { scanChunk } from '../dataset/scan.js';
import type { ChunkScan } from '../dataset/types.js';
import { openKeptExpression } from '../methods/kept-expression.js';
import type { TaskContext } from '../tasks/types.js';
import { type EmbedRequest, type EmbedResult, embedOpened } from './embed-chunk.js';
import { matrixBlocks } from './embedder-rows.js';
import { SharedBlocks } from './shared-blocks.js';

/** One method of several that embed a chunk, and who waits for it. */
export interface EmbedMember {
  readonly request: EmbedRequest;
  readonly context: TaskContext;
}

/**
 * Embeds one chunk by methods of one source, in one pass over its rows. Each has its own staged array, checkpoints,
 * progress, cancellation and result; one that fails or is cancelled leaves the others alone. Peak memory is a few input
 * blocks, and two output blocks (at most 16 MiB each) of every method.
 */
export function embedTogether(members: readonly EmbedMember[]): Promise<EmbedResult>[] {
  const startedAt = performance.now();
  const pass = openPass(members);
  let left = members.length;
  return members.map(async ({ request, context }) => {
    const { input, scan, shared, close } = await pass;
    const seat = shared.seat();
    try {
      const result = await embedOpened(request, { input, scan, ...seat }, context);
      return { ...result, seconds: (performance.now() - startedAt) / 1000 };
    } finally {
      seat.leave();
      left--;
      if (left === 0) await close();
    }
  });
}

/** Embeds a chunk by one method; see embedTogether. */
export const embedChunk = (request: EmbedRequest, context: TaskContext): Promise<EmbedResult> =>
  embedTogether([{ request, context }])[0]!;

interface Pass {
  readonly input: AnnData;
  readonly scan: ChunkScan;
  readonly shared: SharedBlocks;
  close(): Promise<void>;
}

async function openPass(members: readonly EmbedMember[]): Promise<Pass> {
  const { base, dataset, chunk, method, staging } = members[0]!.request;
  // The scan was made before and mostly only looks at fingerprints here.
  const scan = await scanChunk({ base, dataset, chunk, elements: chunk.reads }, whileAnyIsWanted(members));
  const input = await openAnnData(join(base, chunk.input));
  try {
    const kept = await openKeptExpression(join(base, keptExpressionFile(staging)), scan);
    const shared = new SharedBlocks(matrixBlocks(method.source, input, scan, kept), members.length);
    const close = async () => {
      await kept?.close();
      await input.close();
    };
    return { input, scan, shared, close };
  } catch (error) {
    await input.close();
    throw error;
  }
}

/** Stops once all members are cancelled. Progress counts embedded cells. */
function whileAnyIsWanted(members: readonly EmbedMember[]): TaskContext {
  return {
    progress() {},
    checkCancelled() {
      const errors: unknown[] = [];
      for (const { context } of members) {
        try {
          context.checkCancelled();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length === members.length) throw errors[0];
    },
  };
}
