import { IGNORED_SECTIONS } from './schema.js';
import { isTree, type Tree } from './tree.js';
import { EMBEDDING_SECTIONS, type ResolvedConfig } from './types.js';

/** Keys that the derivation adds to sections of steps that are not run. */
const DERIVED_KEYS: ReadonlySet<string> = new Set([
  'full_file_path',
  'output_path',
  'input_file',
  'output_dir',
  'data_dir',
  'batch_key',
  'instrument_key',
  'annotation_key',
  'caption_key',
  'consolidation_categories',
  'categories_of_interest',
]);

const REPLACED: Readonly<Record<string, string>> = {
  geneformer_root: 'models_dir (add the bundle with: obsmith models add)',
  geneformer_v1_root: 'models_dir (add the bundle with: obsmith models add)',
  cw_model_path: 'models_dir (add the bundle with: obsmith models add)',
  resources_dir: 'resources that Obsmith brings along',
  gene_list_file: 'method_options',
  file_name: 'method_options',
};

/** What was ignored or is replaced by something else, in words, so that no key is inert without being said. */
export function notesOf(written: Tree, defaults: Tree, sections: ResolvedConfig['embeddingSections']): string[] {
  const notes: string[] = [];
  const unknown = IGNORED_SECTIONS.flatMap((name) => {
    const section = written[name];
    const known = defaults[name];
    if (!isTree(section) || !isTree(known)) return [];
    return Object.keys(section)
      .filter((key) => !Object.hasOwn(known, key) && !DERIVED_KEYS.has(key))
      .map((key) => `${name}.${key}`);
  });
  if (unknown.length > 0) notes.push(`Ignored (keys of steps that Obsmith does not run): ${unknown.join(', ')}`);
  for (const name of EMBEDDING_SECTIONS) {
    const section = sections[name];
    if (section === null) continue;
    const replaced = Object.keys(section.init_kwargs ?? {}).map(
      (key) => `${key} -> ${REPLACED[key] ?? 'method_options'}`,
    );
    if (replaced.length > 0) notes.push(`${name}.init_kwargs is not used; what replaces it: ${replaced.join('; ')}`);
    if (section.execution_location !== 'local') {
      notes.push(
        `${name}.execution_location: ${section.execution_location} is not used; methods run where a worker of the section's queue runs (obsmith worker)`,
      );
    }
    if (section.venv_path !== null) notes.push(`${name}.venv_path is not used; no Python is needed`);
  }
  return notes;
}
