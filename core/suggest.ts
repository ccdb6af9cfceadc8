import { closest, distance } from 'fastest-levenshtein';

/** `Did you mean "x"?` where a known name is near, else the list of known names (at most 20). */
export function suggest(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'There are none.';
  const near = closest(name, [...known]);
  if (distance(name, near) <= Math.max(2, Math.floor(name.length / 3))) return `Did you mean "${near}"?`;
  const shown = known.slice(0, 20).join(', ');
  return `Known: ${shown}${known.length > 20 ? `, ... (${known.length} in all)` : ''}.`;
}
