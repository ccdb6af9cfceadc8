import { invalidConfig } from '../errors.js';

/** The dimension of a method that has only one; InvalidConfig where `embedding_dim_map` says another. */
export function fixedDim(method: string, dim: number, configured: number | undefined): number {
  if (configured === undefined || configured === dim) return dim;
  throw invalidConfig(
    `embedding_dim_map.${method} is ${configured}, but ${method} always has ${dim} dimensions`,
    `Set embedding_dim_map.${method} to ${dim}, or leave it out.`,
  );
}
