/** Partials that one merge adds up, at most. */
export const FAN_IN = 32;

/**
 * Merge tasks per level above `partials` accumulated chunks, up to the level that has one: 33 chunks give [2, 1], one
 * chunk gives none. Sums are added along this tree and no other, so that they never depend on how work was divided.
 */
export function mergeTasks(partials: number): number[] {
  const levels: number[] = [];
  for (let count = partials; count > 1; ) {
    count = Math.ceil(count / FAN_IN);
    levels.push(count);
  }
  return levels;
}

/** A partial's place: level 0 holds accumulated chunks by position. */
export interface Place {
  readonly level: number;
  readonly index: number;
}

/** Where the sums over all chunks lie. */
export const rootOf = (partials: number): Place => ({ level: mergeTasks(partials).length, index: 0 });

/** The partials that a merge adds up, in order. */
export function inputsOf({ level, index }: Place, partials: number): Place[] {
  const below = level === 1 ? partials : mergeTasks(partials)[level - 2]!;
  const end = Math.min(below, (index + 1) * FAN_IN);
  return Array.from({ length: end - index * FAN_IN }, (_, input) => ({
    level: level - 1,
    index: index * FAN_IN + input,
  }));
}

/** The merges that a partial ends up in, nearest first. */
export function ancestorsOf({ level, index }: Place, partials: number): Place[] {
  const ancestors: Place[] = [];
  for (let above = level + 1, place = index; above <= mergeTasks(partials).length; above++) {
    place = Math.floor(place / FAN_IN);
    ancestors.push({ level: above, index: place });
  }
  return ancestors;
}
