/**
 * Repeated names get "-1", "-2"... in order, skipping names that exist, as AnnData's `var_names_make_unique` does.
 * Returns the names and how many were changed.
 */
export function makeUnique(names: readonly string[]): { names: string[]; renamed: number } {
  const taken = new Set(names);
  if (taken.size === names.length) return { names: [...names], renamed: 0 };
  const seen = new Set<string>();
  const counters = new Map<string, number>();
  let renamed = 0;
  const unique = names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    renamed += 1;
    for (let count = (counters.get(name) ?? 0) + 1; ; count += 1) {
      const tentative = `${name}-${count}`;
      if (taken.has(tentative)) continue;
      counters.set(name, count);
      taken.add(tentative);
      return tentative;
    }
  });
  return { names: unique, renamed };
}
