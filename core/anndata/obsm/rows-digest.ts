import { createHash } from 'node:crypto';
import { BLOCK_ROWS } from '../types.js';

/**
 * Digest of an embedding: sha256 over the concatenated sha256s of its logical row blocks, which are always 4,096 rows
 * of little-endian float32 values. So neither chunk_rows nor the codec nor padding changes it.
 */
export class RowsDigest {
  readonly #rowBytes: number;
  readonly #total = createHash('sha256');
  #block = createHash('sha256');
  #rows = 0;

  constructor(dim: number) {
    this.#rowBytes = dim * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Appends whole rows. */
  update(values: Float32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const rows = bytes.length / this.#rowBytes;
    for (let row = 0; row < rows; ) {
      const fitting = Math.min(rows - row, BLOCK_ROWS - this.#rows);
      this.#block.update(bytes.subarray(row * this.#rowBytes, (row + fitting) * this.#rowBytes));
      row += fitting;
      this.#rows += fitting;
      if (this.#rows === BLOCK_ROWS) this.#endBlock();
    }
  }

  /** Hex; nothing may be appended afterwards. */
  digest(): string {
    if (this.#rows > 0) this.#endBlock();
    return this.#total.digest('hex');
  }

  #endBlock(): void {
    this.#total.update(this.#block.digest());
    this.#block = createHash('sha256');
    this.#rows = 0;
  }
}
