import { ApplicationFailure } from '@temporalio/workflow';
import type { MethodsMessage } from './types.js';

/** Chunk names of one message: histories stay small, and more chunks are better told as all. */
const MOST_CHUNKS = 1000;

/** Throws InvalidInput, with the valid names, for anything but `{ methods, chunks? }` with known methods. */
export function checkMethods(message: MethodsMessage | undefined, known: readonly string[]): void {
  const { methods, chunks } = message ?? {};
  if (!isNames(methods)) throw refused('expected { "methods": ["<name>", ...] } with at least one method');
  if (chunks !== undefined && !isNames(chunks)) throw refused('"chunks" must be a list of at least one chunk name');
  if (chunks && chunks.length > MOST_CHUNKS)
    throw refused(`"chunks" names ${chunks.length} chunks, at most ${MOST_CHUNKS} are taken; none stands for all`);
  const unknown = methods.filter((method) => !known.includes(method));
  if (unknown.length > 0) throw refused(`unknown method ${unknown.join(', ')}; valid are ${known.join(', ')}`);
}

const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string');

export const refused = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ type: 'InvalidInput', nonRetryable: true, message });
