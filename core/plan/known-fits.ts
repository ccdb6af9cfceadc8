import type { ChunkScan } from '../dataset/types.js';
import { fitExists } from '../fits/fit-store.js';
import { fitId } from '../fits/identity.js';
import { type KeptFit, keptFit } from '../fits/kept-fit.js';
import { type FitChunk, whyUnusable } from '../fits/resolve-fits.js';
import type { Fit } from '../fits/types.js';
import type { GatheredPlan } from './gather.js';
import type { PlannedMethod } from './types.js';

/** Fits that are there already, or that arrays stand on which are kept, by method. */
export async function knownFits(
  gathered: GatheredPlan,
  scans: ReadonlyMap<number, ChunkScan>,
): Promise<Map<string, KeptFit>> {
  const { config, chunks, chunkCount } = gathered;
  const { base, on_stale } = config;
  const fits = new Map<string, KeptFit>();
  const methods = gathered.methods.filter(({ fitRounds }) => fitRounds.length > 0);
  const fitted = fittedChunks(gathered, methods, scans);
  for (const method of methods) {
    const current = fitted && fitId(method, fitted.chunks, fitted.leftOut);
    const kept = on_stale === 'keep' ? await keptFit({ base, method, chunks, chunkCount, current }) : null;
    const isThere = kept === null && current !== null && (await fitExists(base, current));
    if (kept !== null) fits.set(method.method, kept);
    else if (isThere) fits.set(method.method, { id: current, refusal: null });
  }
  return fits;
}

/** What a run would fit on; null where a chunk was not read since it changed. */
function fittedChunks(
  { fitChunks, chunks: all }: GatheredPlan,
  methods: readonly PlannedMethod[],
  scans: ReadonlyMap<number, ChunkScan>,
): { chunks: FitChunk[]; leftOut: Fit['leftOut'][number][] } | null {
  const chunks: FitChunk[] = [];
  const leftOut: Fit['leftOut'][number][] = [];
  for (const index of fitChunks) {
    const { name } = all[index]!;
    const scan = scans.get(index) ?? null;
    const reason = whyUnusable(all[index]!, scan, methods);
    if (reason !== null) leftOut.push({ name, reason });
    else if (scan !== null) chunks.push({ index, name, scan });
    else return null;
  }
  return { chunks, leftOut };
}
