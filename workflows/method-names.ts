/**
 * Every method that a configuration may name, for messages that come before the plan is there. Workflows cannot load
 * the registry; a test compares the two.
 */
export const METHOD_NAMES: readonly string[] = [
  'hvg',
  'pca',
  'gs',
  'gs10k',
  'scvi_fm',
  'geneformer',
  'geneformer-v1',
  'cw-geneformer',
];
