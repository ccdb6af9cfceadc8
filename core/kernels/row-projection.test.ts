import { expect, it } from 'vitest';
import type { Float32Block } from '../anndata/types.js';
import { RowProjection } from './row-projection.js';
import { uniform } from './tridiagonal.js';

/** The kernel's double. */
function project(block: Float32Block, inputs: Int32Array, weights: Float64Array, offset: Float64Array): Float32Array {
  const outputs = offset.length;
  const out = new Float32Array(block.rows * outputs);
  for (let row = 0; row < block.rows; row++) {
    const sums = new Float64Array(outputs);
    for (let at = block.indptr[row]!; at < block.indptr[row + 1]!; at++) {
      const input = inputs[block.indices[at]!]!;
      if (input < 0) continue;
      for (let output = 0; output < outputs; output++)
        sums[output]! += block.values[at]! * weights[input * outputs + output]!;
    }
    for (let output = 0; output < outputs; output++) out[row * outputs + output] = sums[output]! - offset[output]!;
  }
  return out;
}

it.each([50, 7, 1, 20])('projects rows to %i outputs with the same bits as its TypeScript double', (outputs) => {
  const next = uniform(5);
  const [rows, columns, chosen] = [150, 40, 25];
  const indptr = new Int32Array(rows + 1);
  const indices: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) if (next() < (row % 10 === 3 ? 0 : 0.5)) indices.push(column);
    indptr[row + 1] = indices.length;
  }
  const values = Float32Array.from(indices, () => next() * 5);
  const block: Float32Block = {
    kind: 'sparse',
    start: 0,
    rows,
    columns,
    indptr,
    indices: Int32Array.from(indices),
    values,
  };
  const inputs = Int32Array.from({ length: columns }, (_, column) =>
    (column * 7) % columns < chosen ? (column * 7) % columns : -1,
  );
  const weights = Float64Array.from({ length: chosen * outputs }, () => next() - 0.5);
  const offset = Float64Array.from({ length: outputs }, next);
  const out = new Float32Array(rows * outputs);
  new RowProjection({ weights, outputs, offset }, inputs).project(block, out);
  expect(out).toEqual(project(block, inputs, weights, offset));
  expect(out.some((value) => value !== 0)).toBe(true);
});
