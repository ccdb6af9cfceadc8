import { readFile } from 'node:fs/promises';
import { isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml';
import { invalidConfig, type Problem } from '../errors.js';
import { shortPath } from '../short-path.js';
import { Places } from './places.js';
import { isTree, type Tree } from './tree.js';

export interface YamlFile {
  readonly tree: Tree;
  readonly places: Places;
}

/** Reads one YAML file and where its keys stand. InvalidConfig with every syntax error and its line. `cwd` shortens paths in messages. */
export async function readYaml(file: string, cwd: string): Promise<YamlFile> {
  const where = shortPath(file, cwd);
  const lines = new LineCounter();
  const document = parseDocument(await readText(file, where), { lineCounter: lines, merge: true, prettyErrors: true });
  const problems = document.errors.map((error): Problem => {
    const [message = ''] = error.message.split(/ at line \d+/);
    const line = error.linePos?.[0].line;
    return { where, ...(line === undefined ? {} : { line }), message, remedy: 'Correct the YAML at this line.' };
  });
  const tree: unknown = problems.length === 0 ? (document.toJS() ?? {}) : {};
  if (!isTree(tree)) {
    const message = `expected a mapping of keys, found ${Array.isArray(tree) ? 'a list' : beginning(JSON.stringify(tree))}`;
    problems.push({ where, line: 1, message, remedy: 'Start from conf/dataset_example.yaml.' });
  }
  if (problems.length > 0 || !isTree(tree)) {
    throw invalidConfig(`Configuration ${where} is not valid YAML`, 'Correct the lines named above.', problems);
  }
  const places = new Places();
  places.set([], { where });
  if (document.contents !== null) collectPlaces(document.contents, [], where, lines, places);
  return { tree, places };
}

const MOST_CHARACTERS = 80;

/** Of a text that may be a whole file of another kind. */
const beginning = (text: string): string =>
  text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;

async function readText(file: string, where: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const reason =
      code === 'ENOENT'
        ? 'not found'
        : code === 'EISDIR'
          ? 'is a folder, expected a YAML file'
          : `cannot be read (${code})`;
    throw invalidConfig(
      `Configuration file ${reason}: ${where}`,
      'Check the path; conf/dataset_example.yaml is a start.',
    );
  }
}

function collectPlaces(
  node: ParsedNode | Node,
  path: readonly (string | number)[],
  where: string,
  lines: LineCounter,
  places: Places,
): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const offset = (key as Node).range?.[0];
      places.set([...path, name], { where, ...(offset === undefined ? {} : { line: lines.linePos(offset).line }) });
      if (value !== null) collectPlaces(value as Node, [...path, name], where, lines, places);
    }
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      const offset = (item as Node).range?.[0];
      if (offset !== undefined) places.set([...path, i], { where, line: lines.linePos(offset).line });
      collectPlaces(item as Node, [...path, i], where, lines, places);
    }
  }
}
