/** Partials that are added up at a time, at most. */
export const FAN_IN = 32;

/**
 * Merge tasks per level above `partials` accumulated chunks: 33 chunks give [2], 1,025 give [33, 2], up to 32 give none. The
 * partials of the last level are added up by those who need the sums over all chunks. Sums are added along this tree and no
 * other, so that they never depend on how work was divided.
 */
export function mergeTasks(partials: number): number[] {
  const levels: number[] = [];
  for (let count = partials; count > FAN_IN; ) {
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

/** The partials that, added in order, are the sums over all chunks. */
export function topOf(partials: number): Place[] {
  const level = mergeTasks(partials).length;
  return Array.from({ length: countAt(level, partials) }, (_, index) => ({ level, index }));
}

const countAt = (level: number, partials: number): number =>
  level === 0 ? partials : mergeTasks(partials)[level - 1]!;

/** The partials that a merge adds up, in order. */
export function inputsOf({ level, index }: Place, partials: number): Place[] {
  const below = countAt(level - 1, partials);
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
