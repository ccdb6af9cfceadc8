/**
 * Small Fast Counter generator sfc32 (Chris Doty-Humphrey, public domain), seeded with 32 bits, 15 rounds discarded.
 * The same numbers on every machine; returns uniform float64 in [0, 1) with 53 random bits.
 */
export function uniformRandom(seed: number): () => number {
  let a = 0;
  let b = 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 15; round += 1) next();
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;
}
