import { invalidInput } from '../errors.js';
import type { PlanLocation } from '../tasks/definitions.js';
import { loadPlan, loadPlannedChunk } from './load-plan.js';

/**
 * Indexes of the chunks that a run embeds, by name ("train/chunk_0") or, where only one has it, by stem ("chunk_0").
 * InvalidInput where a name fits no chunk or several.
 */
export async function findChunks(location: PlanLocation, names: readonly string[]): Promise<number[]> {
  const loaded = await loadPlan(location);
  const byName = new Map<string, number>();
  const byStem = new Map<string, string[]>();
  for (let index = 0; index < loaded.plan.chunkCount; index++) {
    const { name, stem } = await loadPlannedChunk(loaded, index);
    byName.set(name, index);
    byStem.set(stem, [...(byStem.get(stem) ?? []), name]);
  }
  const indexes = names.map((given) => {
    const [name = given, ...others] = byName.has(given) ? [given] : (byStem.get(given) ?? []);
    if (others.length > 0) {
      throw invalidInput(`Chunk "${given}" stands in several splits`, `Name one of ${[name, ...others].join(', ')}.`);
    }
    const index = byName.get(name);
    if (index === undefined) throw unknownChunk(given, [...byName.keys()]);
    return index;
  });
  return [...new Set(indexes)].sort((a, b) => a - b);
}

const MOST_NAMES = 20;

function unknownChunk(given: string, names: readonly string[]): Error {
  const more = names.length > MOST_NAMES ? `, ... (${names.length} in all)` : '';
  return invalidInput(`This run has no chunk "${given}"`, `Valid are ${names.slice(0, MOST_NAMES).join(', ')}${more}.`);
}
