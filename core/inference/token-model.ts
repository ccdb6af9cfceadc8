import { join } from 'node:path';
import { damagedBundle } from './bundle/damaged.js';
import type { GeneformerBundle } from './bundle/types.js';
import type { Device } from './device.js';
import { type ModelSession, openSession } from './session.js';
import { type BatchLimits, tokenBatches } from './token-batches.js';

/** Places of a batch on a GPU: 8 cells of 4,096 tokens, whose attention takes a few gigabytes. */
const GPU_PLACES = 32_768;

/** A bundle over tokens, and where it runs; see ModelOnDevice. */
export interface TokenModelOnDevice {
  readonly bundle: GeneformerBundle;
  readonly device: Device;
  readonly cpuThreads?: number;
}

/** A model over tokens, on a device. */
export interface TokenModel {
  /** Fills `out` (cells x dim, row-major); rows of cells without tokens are left as they are. */
  embed(cells: readonly Uint16Array[], out: Float32Array): Promise<void>;
}

/**
 * Opens the graph that suits the device. On the CPU cells run one by one, where padding only costs time, through the graph
 * for equal lengths if there is one: so a row never depends on what stands beside it. On a GPU cells of similar length
 * run side by side, of equal length where the graph does not look at its mask. MissingModel where the graph does not
 * give what bundle.json says.
 * @param batchSize cells side by side at most
 */
export async function openTokenModel(
  { bundle, device, cpuThreads }: TokenModelOnDevice,
  batchSize: number,
): Promise<TokenModel> {
  const onCpu = device === 'cpu';
  const graph = onCpu && bundle.equalLengthGraph !== null ? bundle.equalLengthGraph : bundle.graph;
  const session = await openSession(
    { path: join(bundle.folder, graph), sha256: bundle.files[graph]! },
    device,
    cpuThreads,
  );
  refuseOtherShapes(session, graph, bundle);
  const equalLengths = bundle.batching === 'equal-length-only';
  return tokenModel(session, bundle, { cells: onCpu ? 1 : batchSize, places: GPU_PLACES, equalLengths });
}

/** A graph that is open as a model: cells in batches within the limits, results by cell. */
export function tokenModel(session: ModelSession, bundle: GeneformerBundle, limits: BatchLimits): TokenModel {
  const pad = bundle.vocabulary.special['<pad>']!;
  return {
    async embed(cells, out) {
      const lengths = cells.map(({ length }) => length);
      for (const batch of tokenBatches(lengths, limits)) {
        const outputs = await session.run(feedsOf(batch, cells, pad));
        const rows = outputs[bundle.pooling]!;
        batch.forEach((cell, at) => {
          out.set(rows.subarray(at * bundle.dim, (at + 1) * bundle.dim), cell * bundle.dim);
        });
      }
    },
  };
}

/** Tokens of the cells of a batch, padded to the length of the first, which is the longest. */
function feedsOf(batch: readonly number[], cells: readonly Uint16Array[], pad: number) {
  const length = cells[batch[0]!]!.length;
  const dims = [batch.length, length];
  const ids = new BigInt64Array(batch.length * length).fill(BigInt(pad));
  const mask = new BigInt64Array(batch.length * length);
  batch.forEach((cell, at) => {
    const tokens = cells[cell]!;
    const start = at * length;
    for (let place = 0; place < tokens.length; place++) ids[start + place] = BigInt(tokens[place]!);
    mask.fill(1n, start, start + tokens.length);
  });
  return { input_ids: { data: ids, dims }, attention_mask: { data: mask, dims } };
}

function refuseOtherShapes(session: ModelSession, graph: string, { folder, pooling, dim }: GeneformerBundle): void {
  const inputs = ['input_ids', 'attention_mask'].filter((name) => !session.shapes.has(name));
  const given = session.shapes.get(pooling)?.[1];
  const problems = [
    ...inputs.map((name) => `${graph} has no input ${name}`),
    ...(given === dim ? [] : [`${graph} gives ${given ?? 'no'} dimensions as ${pooling}, but bundle.json says ${dim}`]),
  ];
  if (problems.length > 0) throw damagedBundle(folder, problems);
}
