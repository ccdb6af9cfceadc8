import { loadConfig } from '../config/load.js';
import type { ConfiguredMethod } from '../config/methods.js';
import type { ResolvedConfig } from '../config/types.js';
import { discoverChunks, noChunks } from '../dataset/discover.js';
import type { ChunkReference } from '../dataset/types.js';
import { invalidConfig, isObsmithError, ObsmithError, type Problem, withRemedy } from '../errors.js';
import { findBundle, modelsFolder } from '../inference/bundle/find.js';
import { plannedModel } from '../inference/planned-model.js';
import { findMethod } from '../methods/registry.js';
import type { Method } from '../methods/types.js';
import { suggest } from '../suggest.js';
import { methodsToRun } from './prepare-only.js';
import { type SummarizedChunk, summarizeChunk } from './summarize.js';
import type { PlannedChunk, PlannedMethod, RunRequest } from './types.js';

/** Everything a run is planned from, read but not yet written anywhere. */
export interface GatheredPlan {
  readonly config: ResolvedConfig;
  readonly methods: readonly PlannedMethod[];
  /** Chunks that the run embeds first, then the rest of the data set; indexes are positions in this list. */
  readonly chunks: readonly PlannedChunk[];
  /** How many of `chunks` the run embeds. */
  readonly chunkCount: number;
  readonly fitChunks: readonly number[];
  /** Methods left out because this version or machine cannot run them and `skip_unavailable` is true. */
  readonly unavailable: readonly { readonly method: string; readonly problem: Problem }[];
}

/** Metadata files opened at once. */
const OPEN_AT_ONCE = 8;

/** Reads configuration and the metadata of every chunk. Throws InvalidConfig / InvalidInput / MissingModel before any work where the run as a whole makes no sense. */
export async function gatherPlan(
  request: RunRequest,
  folder: string,
  env: NodeJS.ProcessEnv = process.env,
  ofOtherMachine = false,
): Promise<GatheredPlan> {
  const config = await loadConfig(request.config, { set: request.set ?? {}, env, cwd: folder, ofOtherMachine });
  const { methods, unavailable } = await availableMethods(config, request, env);
  const references = await discoverChunks(config);
  if (references.length === 0) throw noChunks(config);
  const scoped = scope(references, request.chunks);
  const summarized = await summarizeAll(config.base, scoped.ordered);
  const chunks = summarized.map((chunk, index) => plannedChunk(chunk, index, methods));
  return {
    config,
    methods,
    chunks,
    chunkCount: scoped.selected,
    fitChunks: fitChunks(config, methods, chunks, references),
    unavailable,
  };
}

/**
 * The methods of a run, by configuration, request and the models that are there. InvalidConfig or MissingModel where it
 * could embed nothing, or not all that was asked for.
 */
export async function availableMethods(
  config: ResolvedConfig,
  request: RunRequest,
  env: NodeJS.ProcessEnv,
): Promise<Pick<GatheredPlan, 'methods' | 'unavailable'>> {
  const methods: PlannedMethod[] = [];
  const unavailable: { method: string; problem: Problem }[] = [];
  for (const settings of methodsToRun(config, request)) {
    const method = findMethod(settings.method);
    const found = method.unavailable ?? (await modelOf(method, settings, config, env));
    if ('remedy' in found) unavailable.push({ method: settings.method, problem: found });
    else {
      methods.push({
        ...settings,
        algorithmVersion: method.algorithmVersion,
        fitRounds: [...method.fitRounds(settings)],
        sparseOutput: method.sparseOutput,
        source: method.source,
        ...found,
      });
    }
  }
  if (unavailable.length > 0 && (!config.skip_unavailable || methods.length === 0)) {
    const problems = unavailable.map(({ problem }) => problem);
    throw new ObsmithError({
      type: 'MissingModel',
      message: problems.map((problem) => problem.message).join('; '),
      remedy: problems[0]!.remedy,
      problems,
    });
  }
  return { methods, unavailable };
}

/** The bundle that a method is to run (if any), or why there is none. InvalidConfig for one of another kind or dimension. */
async function modelOf(
  method: Method,
  { dim, options }: ConfiguredMethod,
  config: ResolvedConfig,
  env: NodeJS.ProcessEnv,
): Promise<Pick<PlannedMethod, 'model' | 'tokens'> | Problem> {
  const kind = method.bundle?.(options) ?? null;
  if (kind === null) return {};
  const { name } = method;
  const { model } = options as { model: string };
  try {
    const modelsDir = modelsFolder(config.models_dir, config.base, env);
    const bundle = await findBundle({ base: config.base, modelsDir, method: name, model });
    if (bundle.kind !== kind) {
      throw invalidConfig(
        `method_options.${name}.model names ${bundle.id}, a bundle of ${bundle.kind}, but ${name} runs bundles of ${kind}`,
        `Name a bundle of ${kind}; obsmith models list shows them.`,
      );
    }
    if (bundle.dim !== dim) {
      throw invalidConfig(
        `embedding_dim_map.${name} is ${dim}, but the model ${bundle.id} has ${bundle.dim} dimensions`,
        `Set embedding_dim_map.${name} to ${bundle.dim}, or name another model in method_options.${name}.model.`,
      );
    }
    const found = { model: plannedModel(bundle, config.base) };
    if (bundle.kind !== 'geneformer') return found;
    const { vocabularySha256, tokenizer } = bundle;
    return { ...found, tokens: { vocabularySha256, tokenizer } };
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'MissingModel') throw error;
    return { message: error.message, remedy: error.remedy, where: name };
  }
}

/** Selected chunks first, so that a run works on indexes 0 ... n - 1 whatever its scope. */
function scope(
  references: readonly ChunkReference[],
  names: readonly string[] | undefined,
): { ordered: ChunkReference[]; selected: number } {
  if (!names || names.length === 0) return { ordered: [...references], selected: references.length };
  const known = new Map(references.flatMap((chunk) => [[chunk.name, chunk] as const]));
  const problems: Problem[] = [];
  const wanted = new Set<ChunkReference>();
  for (const name of names) {
    const matches = known.has(name) ? [known.get(name)!] : references.filter((chunk) => chunk.stem === name);
    if (matches.length === 1) wanted.add(matches[0]!);
    else problems.push(chunkProblem(name, matches, [...known.keys()]));
  }
  if (problems.length > 0)
    throw invalidConfig(problems.map((problem) => problem.message).join('; '), problems[0]!.remedy, problems);
  const selected = references.filter((chunk) => wanted.has(chunk));
  return { ordered: [...selected, ...references.filter((chunk) => !wanted.has(chunk))], selected: selected.length };
}

function chunkProblem(name: string, matches: readonly ChunkReference[], known: readonly string[]): Problem {
  if (matches.length > 1)
    return {
      message: `Chunk "${name}" stands in several splits`,
      remedy: `Name one of ${matches.map((m) => m.name).join(', ')}.`,
    };
  return { message: `Unknown chunk "${name}"`, remedy: suggest(name, known) };
}

async function summarizeAll(base: string, references: readonly ChunkReference[]): Promise<SummarizedChunk[]> {
  const results: SummarizedChunk[] = new Array(references.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < references.length; index = next++)
      results[index] = await summarizeChunk(base, references[index]!);
  };
  await Promise.all(Array.from({ length: OPEN_AT_ONCE }, work));
  return results;
}

function plannedChunk(chunk: SummarizedChunk, index: number, methods: readonly PlannedMethod[]): PlannedChunk {
  const place = { ...chunk.reference, index, order: chunk.reference.index, bytes: chunk.bytes };
  if (!('summary' in chunk))
    return { ...place, outputFormat: null, cells: 0, genes: 0, unreadable: chunk.unreadable, refused: {}, reads: [] };
  const { summary } = chunk;
  const outputFormat = chunk.format === 'zarr-v3' ? 'zarr-v3' : 'zarr-v2';
  const refused: Record<string, { type: string; message: string }> = {};
  const reads = new Set<string>(['obs/_index', 'var/_index']);
  for (const settings of methods) {
    const method = findMethod(settings.method);
    const problems = method.problems(settings, summary);
    if (problems.length > 0) {
      refused[settings.method] = {
        type: 'InvalidInput',
        message: problems.map(withRemedy).join(' '),
      };
    } else for (const element of method.reads(settings, summary)) reads.add(element);
  }
  return {
    ...place,
    outputFormat,
    cells: summary.cells,
    genes: summary.genes,
    unreadable: null,
    refused,
    reads: [...reads].sort(),
  };
}

/** Indexes of the chunks that statistics are fitted on, in the data set's order. */
function fitChunks(
  config: ResolvedConfig,
  methods: readonly PlannedMethod[],
  chunks: readonly PlannedChunk[],
  references: readonly ChunkReference[],
): number[] {
  if (methods.every((method) => method.fitRounds.length === 0)) return [];
  const splits = fitSplits(config, references);
  return chunks
    .filter((chunk) => splits.has(chunk.split))
    .sort((a, b) => a.order - b.order)
    .map((chunk) => chunk.index);
}

function fitSplits(config: ResolvedConfig, references: readonly ChunkReference[]): ReadonlySet<string> {
  const present = new Set(references.map((chunk) => chunk.split));
  if (config.fit_splits === 'auto') return present.has('train') ? new Set(['train']) : present;
  const missing = config.fit_splits.filter((split) => !present.has(split));
  if (missing.length > 0) {
    throw invalidConfig(
      `fit_splits names ${missing.join(', ')}, but the data set has only ${[...present].join(', ')}`,
      'Name splits that exist, or use auto.',
    );
  }
  return new Set(config.fit_splits);
}
