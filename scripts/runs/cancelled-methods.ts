/** Names methods that were cancelled, beside counts of chunks that are done with the others: " (cancelled: pca)", or nothing. */
export function cancelledMethods<Method>(
  methods: Readonly<Record<string, Method>>,
  isCancelled: (method: Method) => boolean,
): string {
  const names = Object.keys(methods).filter((name) => isCancelled(methods[name]!));
  return names.length === 0 ? '' : ` (cancelled: ${names.join(', ')})`;
}
