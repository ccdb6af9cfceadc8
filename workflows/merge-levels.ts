/** Partials that one merge adds up, as core/fits/merge-tree.ts has it; a test compares the two. */
const FAN_IN = 32;

/** Merges per level until one partial is left: 70 partials -> [3, 1]. The tree is the same for every run, and so are the sums. */
export function mergeLevels(partials: number): number[] {
  const levels: number[] = [];
  for (let left = partials; left > 1; left = Math.ceil(left / FAN_IN)) levels.push(Math.ceil(left / FAN_IN));
  return levels;
}
