/** Fitted methods that share a round, as most tests of the workflows plan them over three chunks. */
export const FITTED = [
  { method: 'hvg', queue: 'cpu', fitted: true },
  { method: 'pca', queue: 'cpu', fitted: true },
] as const;
export const ROUNDS = [
  { round: 'gene-statistics' as const, methods: ['hvg', 'pca'], chunks: 3, accumulated: false },
  { round: 'gram' as const, methods: ['pca'], chunks: 3, accumulated: false },
];
/** One method for each kind of worker. */
export const UNFITTED = [
  { method: 'gs', queue: 'cpu', fitted: false },
  { method: 'scvi_fm', queue: 'gpu', fitted: false },
] as const;
