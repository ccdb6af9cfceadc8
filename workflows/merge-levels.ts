/** Partials that are added up at a time, as core/fits/merge-tree.ts has it; a test compares the two. */
const FAN_IN = 32;

/** Merges per level until few partials are left, which solving adds up: 70 partials -> [3]. The tree is the same for every run, and so are the sums. */
export function mergeLevels(partials: number): number[] {
  const levels: number[] = [];
  for (let left = partials; left > FAN_IN; left = Math.ceil(left / FAN_IN)) levels.push(Math.ceil(left / FAN_IN));
  return levels;
}
