import { invalidConfig, type Problem } from '../errors.js';
import { findMethod } from '../methods/registry.js';
import type { PlannedMethod, RunRequest } from '../plan/types.js';
import { suggest } from '../suggest.js';
import { optionsOf } from './rules.js';
import { EMBEDDING_SECTIONS, type EmbeddingSectionName, type ResolvedConfig } from './types.js';

/** What the configuration alone says about one method of a run. */
export type ConfiguredMethod = Omit<
  PlannedMethod,
  'algorithmVersion' | 'fitRounds' | 'sparseOutput' | 'source' | 'model' | 'tokens'
>;

/**
 * The methods of a run: those of the enabled sections (or of the one asked for), narrowed to `request.methods`, in the
 * order of the configuration. An embedding_preparation without methods stands for all. Throws InvalidConfig for a section that is absent or disabled, unknown methods, or none left.
 */
export function resolveMethods(
  config: ResolvedConfig,
  request: Pick<RunRequest, 'section' | 'methods' | 'overwrite'>,
): ConfiguredMethod[] {
  const available = request.section === undefined ? methodsOfRun(config) : methodsOfSection(config, request.section);
  const wanted = request.methods ?? available.map(({ method }) => method);
  refuseUnknown(
    wanted,
    available.map(({ method }) => method),
    config,
    request.section,
  );
  return available
    .filter(({ method }) => wanted.includes(method))
    .map(({ method, home, queue }) => describe(config, method, home, queue, request.overwrite === true));
}

interface Located {
  readonly method: string;
  readonly home: EmbeddingSectionName;
  readonly queue: 'cpu' | 'gpu';
}

/** Names of the methods that a run without a scope embeds. */
export const embeddedMethods = (config: ResolvedConfig): string[] => locatedMethods(config).map(({ method }) => method);

function locatedMethods(config: ResolvedConfig): Located[] {
  return (['embedding_cpu', 'embedding_gpu'] as const).flatMap((home) => {
    const section = config.embeddingSections[home];
    if (!section?.enabled) return [];
    return section.methods.map(
      (method): Located => ({ method, home, queue: home === 'embedding_cpu' ? 'cpu' : 'gpu' }),
    );
  });
}

function methodsOfRun(config: ResolvedConfig): Located[] {
  const located = locatedMethods(config);
  if (located.length > 0) return located;
  throw invalidConfig(
    'No embedding configuration found: no enabled section (embedding_cpu, embedding_gpu) names a method',
    'Add methods to a section, or enable one, e.g. --set embedding_cpu.enabled=true',
  );
}

function methodsOfSection(config: ResolvedConfig, name: EmbeddingSectionName): Located[] {
  const section = config.embeddingSections[name];
  if (section === null) {
    const present = EMBEDDING_SECTIONS.filter((other) => config.embeddingSections[other] !== null);
    throw invalidConfig(
      `No embedding configuration found: no section ${name}`,
      `The configuration has ${present.join(', ')}.`,
    );
  }
  if (!section.enabled) {
    throw invalidConfig(
      `Section ${name} is disabled (enabled: false)`,
      `Enable it in the file or with --set ${name}.enabled=true`,
    );
  }
  if (section.methods.length === 0 && name === 'embedding_preparation') return methodsOfRun(config);
  if (section.methods.length === 0) {
    throw invalidConfig(
      `No embedding configuration found: ${name}.methods is empty`,
      `Name methods, e.g. --set ${name}.methods=[hvg]`,
    );
  }
  return section.methods.map((method) => locate(config, method, name));
}

/** A method of embedding_preparation belongs to the queue of the section that embeds it. */
function locate(config: ResolvedConfig, method: string, asked: EmbeddingSectionName): Located {
  const home =
    asked !== 'embedding_preparation'
      ? asked
      : EMBEDDING_SECTIONS.slice(1).find((name) => config.embeddingSections[name]?.methods.includes(method));
  if (home === 'embedding_cpu') return { method, home, queue: 'cpu' };
  if (home === 'embedding_gpu') return { method, home, queue: 'gpu' };
  return { method, home: asked, queue: findMethod(method).device };
}

function refuseUnknown(
  wanted: readonly string[],
  available: readonly string[],
  config: ResolvedConfig,
  section: string | undefined,
): void {
  const unknown = wanted.filter((method) => !available.includes(method));
  if (unknown.length === 0) return;
  const problems = unknown.map((method): Problem => {
    const elsewhere = EMBEDDING_SECTIONS.find((name) => config.embeddingSections[name]?.methods.includes(method));
    if (elsewhere === undefined)
      return {
        message: `Unknown method "${method}": ${section ?? 'the configuration'} does not name it`,
        remedy: suggest(method, available),
      };
    const why = config.embeddingSections[elsewhere]!.enabled
      ? 'is not part of what was asked for'
      : 'is disabled (enabled: false)';
    return {
      message: `Method "${method}" stands in ${elsewhere}, which ${why}`,
      remedy: `Ask for --section ${elsewhere}, or enable it with --set ${elsewhere}.enabled=true`,
    };
  });
  throw invalidConfig(problems.map((problem) => problem.message).join('; '), problems[0]!.remedy, problems);
}

function describe(
  config: ResolvedConfig,
  method: string,
  home: EmbeddingSectionName,
  queue: 'cpu' | 'gpu',
  overwrite: boolean,
): ConfiguredMethod {
  const section = config.embeddingSections[home]!;
  const options = optionsOf(method, home, config.embeddingSections);
  return {
    method,
    queue,
    dim: findMethod(method).resolveDim(section.embedding_dim_map[method], options),
    options,
    batchKey: section.batch_key,
    batchSize: section.batch_size,
    chunkRows: section.chunk_rows,
    overwrite: overwrite || section.overwrite,
  };
}
