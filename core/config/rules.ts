import { SPLITS } from '../dataset/layout.js';
import { isObsmithError } from '../errors.js';
import { findMethod, methods as registry } from '../methods/registry.js';
import type { Json, Method } from '../methods/types.js';
import { suggest } from '../suggest.js';
import type { ConfigProblems } from './problems.js';
import { formatValue, type KeyPath } from './tree.js';
import { EMBEDDING_SECTIONS, type EmbeddingSection, type EmbeddingSectionName, type ResolvedConfig } from './types.js';

type Sections = ResolvedConfig['embeddingSections'];
type Rules = Pick<ResolvedConfig, 'embeddingSections' | 'fit_splits' | 'input_files'>;

/** Rules across keys: methods, their dimensions and options, splits. Everything that is wrong is added to `problems`. */
export function checkRules(config: Rules, problems: ConfigProblems): void {
  requireMethods(config.embeddingSections, problems);
  for (const name of EMBEDDING_SECTIONS) {
    const section = config.embeddingSections[name];
    if (section === null) continue;
    checkMethodNames(name, section, problems);
    checkDims(name, section, config.embeddingSections, problems);
    checkOptions(name, section, problems);
  }
  checkQueues(config.embeddingSections, problems);
  checkAgreement(config.embeddingSections, problems);
  if (config.fit_splits !== 'auto' && config.input_files === null) {
    for (const split of config.fit_splits) {
      if (!(SPLITS as readonly string[]).includes(split))
        problems.add(['fit_splits'], `unknown split "${split}"`, suggest(split, SPLITS));
    }
  }
}

/**
 * Options of a method as its own schema completes them: those of the section it stands in, else of any other section that
 * sets them (sections must agree).
 */
export function optionsOf(method: string, home: EmbeddingSectionName, sections: Sections): Record<string, Json> {
  const written = [home, ...EMBEDDING_SECTIONS]
    .map((name) => sections[name]?.method_options[method])
    .find((found) => found !== undefined);
  return findMethod(method).options.parse(written ?? {}) as Record<string, Json>;
}

function requireMethods(sections: Sections, problems: ConfigProblems): void {
  const present = EMBEDDING_SECTIONS.filter((name) => sections[name] !== null);
  const remedy = 'Add a section with at least one method, for example embedding_cpu: { methods: [hvg, pca] }';
  // A section of the wrong type or with wrong methods was reported already.
  if (EMBEDDING_SECTIONS.some((name) => problems.touches([name]) && (sections[name]?.methods.length ?? 0) === 0))
    return;
  if (present.length === 0) problems.add([], 'No embedding configuration found', remedy);
  else if (present.every((name) => sections[name]!.methods.length === 0)) {
    problems.add([present[0]!, 'methods'], `No embedding configuration found: no section names a method`, remedy);
  }
}

function checkMethodNames(name: EmbeddingSectionName, section: EmbeddingSection, problems: ConfigProblems): void {
  for (const [i, method] of section.methods.entries()) {
    const path = [name, 'methods', i];
    if (!registry.has(method)) problems.add(path, `unknown method "${method}"`, suggest(method, [...registry.keys()]));
    else if (section.methods.indexOf(method) < i)
      problems.add(path, `method "${method}" is listed twice`, 'Remove one of them.');
  }
  for (const key of ['embedding_dim_map', 'method_options'] as const) {
    for (const method of Object.keys(section[key])) {
      if (!registry.has(method))
        problems.add([name, key, method], `unknown method "${method}"`, suggest(method, [...registry.keys()]));
    }
  }
}

/** Also of methods that the section does not name: a dimension that a method cannot have is never right. */
function checkDims(
  name: EmbeddingSectionName,
  section: EmbeddingSection,
  sections: Sections,
  problems: ConfigProblems,
): void {
  for (const [key, dim] of Object.entries(section.embedding_dim_map)) {
    const method = registry.get(key);
    if (method === undefined) continue;
    const options = parsedOptions(method, sections[name]?.method_options[key]);
    if (options === undefined) continue;
    try {
      method.resolveDim(dim, options);
    } catch (error) {
      if (!isObsmithError(error)) throw error;
      problems.add([name, 'embedding_dim_map', key], error.message, error.remedy);
    }
  }
}

function checkOptions(name: EmbeddingSectionName, section: EmbeddingSection, problems: ConfigProblems): void {
  for (const [key, written] of Object.entries(section.method_options)) {
    const parsed = registry.get(key)?.options.safeParse(written);
    if (parsed === undefined || parsed.success) continue;
    for (const issue of parsed.error.issues) {
      const path = [name, 'method_options', key, ...(issue.path as KeyPath)];
      if (issue.code === 'unrecognized_keys') {
        const known = Object.keys(parsedOptions(registry.get(key)!, {}) ?? {});
        for (const unknown of issue.keys)
          problems.add([...path, unknown], `unknown option of ${key}`, suggest(unknown, known));
      } else {
        const found = issue.path.reduce<unknown>(
          (value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part],
          written,
        );
        problems.add(
          path,
          `${issue.message}, found ${formatValue(found)}`,
          'Correct it, or remove the option to use its default.',
        );
      }
    }
  }
}

function parsedOptions(method: Method, written: unknown): Record<string, Json> | undefined {
  const parsed = method.options.safeParse(written ?? {});
  return parsed.success ? (parsed.data as Record<string, Json>) : undefined;
}

function checkQueues(sections: Sections, problems: ConfigProblems): void {
  const { embedding_cpu: cpu, embedding_gpu: gpu } = sections;
  if (!cpu?.enabled || !gpu?.enabled) return;
  for (const [i, method] of gpu.methods.entries()) {
    if (!cpu.methods.includes(method)) continue;
    const message = `method "${method}" also stands in embedding_cpu.methods; its section decides its queue`;
    problems.add(['embedding_gpu', 'methods', i], message, 'Remove it from one of the two sections.');
  }
}

function checkAgreement(sections: Sections, problems: ConfigProblems): void {
  const first = new Map<string, { section: string; options: unknown }>();
  for (const name of EMBEDDING_SECTIONS) {
    for (const [key, written] of Object.entries(sections[name]?.method_options ?? {})) {
      const method = registry.get(key);
      const options = method && parsedOptions(method, written);
      if (options === undefined) continue;
      const before = first.get(key);
      if (before === undefined) first.set(key, { section: name, options });
      else if (formatValue(before.options) !== formatValue(options)) {
        const message = `options of ${key} disagree with ${before.section}.method_options.${key}: ${formatValue(options)} and ${formatValue(before.options)}`;
        problems.add(
          [name, 'method_options', key],
          message,
          'Set the options of a method in one section only, or alike.',
        );
      }
    }
  }
}
