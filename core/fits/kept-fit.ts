import { join } from 'node:path';
import { invalidInput, type ObsmithError } from '../errors.js';
import { canonicalJson } from '../methods/canonical-json.js';
import { parametersOf } from '../methods/provenance.js';
import type { PlannedChunk, PlannedMethod } from '../plan/types.js';
import { fitOfArray } from './array-fit.js';
import { fitExists } from './fit-store.js';

/** The fit that arrays stand on which `on_stale: keep` keeps. */
export interface KeptFit {
  readonly id: string;
  /** Why no other array can be computed with it; null where it is there. */
  readonly refusal: ObsmithError | null;
}

export interface KeptFitRequest {
  readonly base: string;
  readonly method: PlannedMethod;
  /** Chunks of the whole data set; those of the run come first. */
  readonly chunks:
    | AsyncIterable<Pick<PlannedChunk, 'name' | 'output'>>
    | Iterable<Pick<PlannedChunk, 'name' | 'output'>>;
  /** How many of them the run embeds. */
  readonly chunkCount: number;
  /** What the method would be fitted on now; null where that is not known. */
  readonly current: string | null;
}

/**
 * What a fitted method's other arrays are computed with where `on_stale: keep` keeps some, so that all stand on one fit:
 * the present fit where some stand on it, else theirs. Arrays of other parameters or versions are kept, too, but decide
 * nothing. Null where no array decides.
 */
export async function keptFit({ base, method, chunks, chunkCount, current }: KeptFitRequest): Promise<KeptFit | null> {
  const names = new Map<string, string>();
  let index = 0;
  for await (const { name, output } of chunks) {
    const isReplaced = method.overwrite && index++ < chunkCount;
    const found = isReplaced ? null : await fitOfArray(join(base, output), `X_${method.method}`);
    if (found === null || found.algorithmVersion !== method.algorithmVersion) continue;
    if (canonicalJson(found.parameters) !== canonicalJson(parametersOf(method, method.batchKey !== null))) continue;
    if (!names.has(found.fit)) names.set(found.fit, name);
  }
  if (current !== null && names.has(current)) return { id: current, refusal: null };
  const [first] = names.keys();
  if (first === undefined) return null;
  if (names.size > 1) return { id: first, refusal: severalFits(method, [...names.values()]) };
  return { id: first, refusal: (await fitExists(base, first)) ? null : absentFit(method, first, names.get(first)!) };
}

const REFIT = (method: string) =>
  `set on_stale: recompute, which fits ${method} anew and computes all its arrays again`;

function severalFits({ method }: PlannedMethod, chunks: readonly string[]): ObsmithError {
  return invalidInput(
    `on_stale keeps arrays of ${method} that stand on ${chunks.length} fits (those of ${chunks.slice(0, 5).join(', ')} differ), so nothing says which one others should have`,
    `Compute the arrays of all but one fit again (obsmith run CONF --methods ${method} --chunk NAME --overwrite), or ${REFIT(method)}.`,
  );
}

function absentFit({ method }: PlannedMethod, fit: string, chunk: string): ObsmithError {
  return invalidInput(
    `The fit that X_${method} of ${chunk} stands on is not there any more: .obsmith/fits/${fit}`,
    `Restore that folder, or ${REFIT(method)}.`,
  );
}
