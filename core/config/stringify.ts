import { stringify } from 'yaml';
import { EMBEDDING_SECTIONS, type ResolvedConfig } from './types.js';

/** A resolved configuration under the keys of the YAML: it can be loaded again and gives the same. */
export function configDocument(config: ResolvedConfig): object {
  const { file: _file, base, notes: _notes, embeddingSections, dataset, required_obsm_keys: _keys, ...rest } = config;
  const {
    input_folder: _input,
    output_folder: _output,
    input_format: _format,
    download,
    preprocessing,
    dataset_creation,
    ...common
  } = rest;
  const sections = EMBEDDING_SECTIONS.flatMap((name) =>
    embeddingSections[name] === null ? [] : [[name, embeddingSections[name]] as const],
  );
  return {
    dataset,
    base_file_path: base,
    ...common,
    ...Object.fromEntries(sections),
    download,
    preprocessing,
    dataset_creation,
  };
}

export function stringifyConfig(config: ResolvedConfig): string {
  return stringify(configDocument(config), { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}
