import { type Eigenpairs, eigenvalues, inverseIteration } from './tridiagonal.js';

/** A symmetric matrix with two diagonals on each side of the main one: `off1[i]` stands between rows i and i + 1, `off2[i]` between i and i + 2. */
export interface Pentadiagonal {
  readonly diagonal: Float64Array;
  readonly off1: Float64Array;
  readonly off2: Float64Array;
}

/**
 * The `count` largest eigenvalues of a symmetric pentadiagonal matrix with their vectors: rotations that chase what they
 * leave outside of the band to its end (Schwarz 1968), implicit QL for the values, inverse iteration for the vectors. Costs
 * n^2 operations, and n for each vector and rotation.
 */
export function largestOfPentadiagonal(matrix: Pentadiagonal, count: number): Eigenpairs {
  const { diagonal, offDiagonal, rotations } = tridiagonalize(matrix);
  const n = diagonal.length;
  const all = eigenvalues(diagonal, offDiagonal);
  const values = all.slice(n - count).reverse();
  const vectors = inverseIteration({ n, diagonal, offDiagonal }, all, values);
  for (let pair = 0; pair < count; pair++) rotateBack(rotations, vectors.subarray(pair * n, (pair + 1) * n));
  return { values, vectors };
}

/** Rotations of rows `row` and `row` + 1, in the order in which they were applied. */
interface Rotations {
  readonly rows: Int32Array;
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
  readonly length: number;
}

function tridiagonalize({ diagonal, off1, off2 }: Pentadiagonal): {
  diagonal: Float64Array;
  offDiagonal: Float64Array;
  rotations: Rotations;
} {
  const n = diagonal.length;
  /** band[k][i] stands at row i + k, column i. */
  const band = [diagonal.slice(), off1.slice(), off2.slice(), new Float64Array(n)];
  const most = Math.ceil((n * n) / 4) + n;
  const rotations = { rows: new Int32Array(most), cosines: new Float64Array(most), sines: new Float64Array(most) };
  let length = 0;
  for (let column = 0; column + 2 < n; column++) {
    // Rotating `row` and the one after it removes the latter's entry in column `from`, and makes one outside of the band two rows on.
    for (let row = column + 1, from = column, below = 2; row + 1 < n; from = row, row += 2, below = 3) {
      const [above, entry] = [band[below - 1]![from]!, band[below]![from]!];
      if (entry === 0) break;
      const size = Math.sqrt(above * above + entry * entry);
      const [cosine, sine] = [above / size, entry / size];
      band[below - 1]![from] = size;
      band[below]![from] = 0;
      rotate(band, row, from, cosine, sine);
      rotations.rows[length] = row;
      rotations.cosines[length] = cosine;
      rotations.sines[length++] = sine;
    }
  }
  return { diagonal: band[0]!, offDiagonal: band[1]!, rotations: { ...rotations, length } };
}

/** Rotates rows and columns p and p + 1 in all columns but `from`, which comes before them. */
function rotate(band: readonly Float64Array[], p: number, from: number, cosine: number, sine: number): void {
  const q = p + 1;
  const [main, first, second] = band as [Float64Array, Float64Array, Float64Array];
  for (let column = from + 1; column < p; column++)
    turn(band[p - column]!, column, band[q - column]!, column, cosine, sine);
  const [pp, qp, qq] = [main[p]!, first[p]!, main[q]!];
  const [cc, ss, cs] = [cosine * cosine, sine * sine, cosine * sine];
  main[p] = cc * pp + 2 * cs * qp + ss * qq;
  main[q] = ss * pp - 2 * cs * qp + cc * qq;
  first[p] = (cc - ss) * qp + cs * (qq - pp);
  if (q + 1 < main.length) turn(second, p, first, q, cosine, sine);
  if (q + 2 < main.length) turn(band[3]!, p, second, q, cosine, sine);
}

/** Rotates the pair of entries a[i] and b[j]. */
function turn(a: Float64Array, i: number, b: Float64Array, j: number, cosine: number, sine: number): void {
  const [x, y] = [a[i]!, b[j]!];
  a[i] = cosine * x + sine * y;
  b[j] = cosine * y - sine * x;
}

/** Turns a vector of the tridiagonal matrix into one of the pentadiagonal matrix. */
function rotateBack({ rows, cosines, sines, length }: Rotations, vector: Float64Array): void {
  for (let at = length - 1; at >= 0; at--) {
    const row = rows[at]!;
    turn(vector, row, vector, row + 1, cosines[at]!, -sines[at]!);
  }
}
