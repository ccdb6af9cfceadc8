import { invalidInput } from '../../errors.js';
import type { BlockValues } from '../types.js';
import { Unrepresentable, valuesIn } from '../zarr/numbers.js';
import { itemSize, type NumericDtype } from '../zarr-write/metadata.js';

/** Little-endian bytes as values; 64-bit integers as Float64Array, exact or InvalidInput naming `where`. */
export function numbersOf(bytes: Uint8Array, dtype: NumericDtype, where: string): BlockValues {
  const size = itemSize(dtype);
  try {
    return valuesIn(bytes, { kind: 'number', name: dtype, bytes: size, bigEndian: false }, 0, bytes.length / size);
  } catch (error) {
    if (!(error instanceof Unrepresentable)) throw error;
    throw invalidInput(
      `${where} holds an integer that a 64-bit float cannot hold: ${error.message}`,
      'Store identifiers of this size as strings, and counts in a smaller type.',
      error,
    );
  }
}
