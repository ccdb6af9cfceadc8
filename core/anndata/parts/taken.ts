/** The items of an axis that a part has: ascending positions. */
export interface Taken {
  /** Length of the axis. */
  readonly of: number;
  readonly positions: Int32Array;
}

/** New position of each item of the axis, -1 where it is not taken. */
export function placesOf({ of, positions }: Taken): Int32Array {
  const places = new Int32Array(of).fill(-1);
  positions.forEach((position, place) => {
    places[position] = place;
  });
  return places;
}

/** Reads in whole steps and keeps the last, so that positions that rise need each step once. */
export function inSteps<T>(
  read: (start: number, end: number) => Promise<T>,
  length: number,
  step: number,
): (position: number) => Promise<{ readonly start: number; readonly end: number; readonly values: T }> {
  let kept: { readonly start: number; readonly end: number; readonly values: T } | undefined;
  return async (position) => {
    if (kept && kept.start <= position && position < kept.end) return kept;
    const start = position - (position % step);
    const end = Math.min(length, start + step);
    kept = { start, end, values: await read(start, end) };
    return kept;
  };
}
