import type { ChunkScan } from '../dataset/types.js';
import { invalidInput } from '../errors.js';
import type { Fit } from '../fits/types.js';
import type { PlannedMethod } from '../plan/types.js';
import { sha256OfJson } from './canonical-json.js';
import { expressionMatrix } from './expression.js';
import { findMethod } from './registry.js';
import type { Json } from './types.js';

/** What an array is made from, known before it is computed: it decides whether a published array is still valid. */
export type InputProvenance = { [key: string]: Json };

/**
 * Method, parameters, algorithm version, model, input digest and fit id. Functions of input and parameters only: run ids,
 * times, batch size, chunk_rows and codec never stand here, and batch_key only where the method reads it.
 */
export function inputProvenance(method: PlannedMethod, scan: ChunkScan, fit: Pick<Fit, 'id'> | null): InputProvenance {
  const reads = findMethod(method.method).reads(method, scan);
  const readsBatches = method.batchKey !== null && reads.includes(`obs/${method.batchKey}`);
  return {
    method: method.method,
    parameters: parametersOf(method, readsBatches),
    ...(method.model ? { model: { id: method.model.id, sha256: method.model.sha256 } } : {}),
    algorithmVersion: method.algorithmVersion,
    inputDigest: inputDigest(reads, scan),
    ...(fit ? { fit: fit.id } : {}),
  };
}

/** What provenance says of a method's parameters: batch_key only where the method reads batches. */
export function parametersOf(method: PlannedMethod, readsBatches: boolean): { [key: string]: Json } {
  const { dim, batchKey } = method;
  return { dim, ...(readsBatches ? { batch_key: batchKey } : {}), ...optionsOf(method) };
}

/** A bundle is what it holds, wherever it lies and however it was named. */
function optionsOf({ options, model }: PlannedMethod): { [key: string]: Json } {
  const parameters = options as { [key: string]: Json };
  if (!model) return parameters;
  const { model: _named, ...others } = parameters;
  return others;
}

/** sha256 (hex) of a provenance: what staged work must agree in to be continued. */
export const signatureOf = (provenance: InputProvenance): string => sha256OfJson(provenance);

/**
 * sha256 (hex) over cell names and every element that a method reads; X stands for the matrix that expression is made
 * from. InvalidInput where the chunk has no expression but the method reads it, and where the scan lacks an element,
 * because the chunk changed after planning.
 */
export function inputDigest(reads: readonly string[], scan: ChunkScan): string {
  const readsExpression = reads.includes('X');
  const matrix = readsExpression ? expressionMatrix(scan) : null;
  const elements = new Set(['obs/_index', ...reads].map((element) => (element === 'X' ? matrix! : element)));
  const digests: { [key: string]: Json } = {};
  for (const element of elements) {
    const digest = scan.digests[element];
    if (digest === undefined) {
      throw invalidInput(
        `${scan.name} was planned without ${element}, which it has now`,
        'The chunk changed after planning: start the run again.',
      );
    }
    digests[element] = digest;
  }
  return sha256OfJson(readsExpression ? { expression: scan.expression, digests } : { digests });
}
