import { optionsOf } from '../config/rules.js';
import { EMBEDDING_SECTIONS, type ResolvedConfig } from '../config/types.js';
import { COUNTS } from '../methods/counts.js';
import { ENSEMBL_ELEMENT } from '../methods/gene-identity.js';
import { findMethod, methodNames } from '../methods/registry.js';
import type { ChunkSummary, Json } from '../methods/types.js';

/** What methods need of a chunk beside expression. */
export interface InputRequirements {
  /** Raw counts in layers/counts. */
  readonly counts: boolean;
  /** Genes that Ensembl ids identify; null where no method asks for them. */
  readonly ensembl: {
    /** The methods that ask. */
    readonly methods: readonly string[];
    /** Whether gene symbols are looked up where there are no Ensembl ids; false where one of the methods refuses that. */
    readonly mapSymbols: boolean;
  } | null;
  /** obs column that holds batches. */
  readonly batchKey: string | null;
}

/** What the methods of a configuration's enabled sections need. */
export function requirementsOf(config: ResolvedConfig): InputRequirements {
  const methods = new Map<string, Record<string, Json>>();
  for (const section of EMBEDDING_SECTIONS) {
    const { enabled, methods: names } = config.embeddingSections[section] ?? { enabled: false, methods: [] };
    if (!enabled) continue;
    for (const name of names) methods.set(name, optionsOf(name, section, config.embeddingSections));
  }
  return requirements(methods, config.batch_key);
}

/** What all methods that there are need together, with their default options. */
export function requirementsOfAll(batchKey: string | null): InputRequirements {
  const options = (name: string) => findMethod(name).options.parse({}) as Record<string, Json>;
  return requirements(new Map(methodNames.map((name) => [name, options(name)])), batchKey);
}

/** A chunk that has all that a method may ask for. */
const COMPLETE: ChunkSummary = {
  name: '',
  cells: 1,
  genes: 1,
  obsColumns: [],
  varColumns: ['ensembl_id'],
  layers: ['counts'],
  hasX: true,
};

function requirements(methods: ReadonlyMap<string, Record<string, Json>>, batchKey: string | null): InputRequirements {
  const reads = (name: string, options: Json, element: string): boolean =>
    findMethod(name).reads({ method: name, dim: 1, options, batchKey: null, batchSize: 1 }, COMPLETE).includes(element);
  const all = [...methods];
  const identifying = all.filter(([name, options]) => reads(name, options, ENSEMBL_ELEMENT));
  return {
    counts: all.some(([name, options]) => reads(name, options, COUNTS)),
    ensembl:
      identifying.length === 0
        ? null
        : {
            methods: identifying.map(([name]) => name),
            mapSymbols: identifying.every(([, options]) => options.map_symbols !== false),
          },
    batchKey,
  };
}
