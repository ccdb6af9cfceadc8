import type { AnnData } from '../anndata/types.js';
import { invalidInput, isObsmithError } from '../errors.js';

/**
 * Names by which genes are matched across chunks: the var index, or the var column `geneKey`. InvalidInput where names
 * are missing or stand for several genes, since then no gene could be matched for certain.
 */
export async function readGeneNames(chunk: AnnData, chunkName: string, geneKey: string | null): Promise<string[]> {
  const names = geneKey === null ? await chunk.names('var') : await textColumn(chunk, chunkName, geneKey);
  const duplicates = duplicatesOf(names);
  if (duplicates.length === 0) return names;
  throw invalidInput(
    `Genes of ${chunkName} are not unique in var ${geneKey ?? 'index'}: ${listed(duplicates)}`,
    'Make them unique (e.g. adata.var_names_make_unique()), or name a var column of unique ids with method_options.<method>.gene_key.',
  );
}

const VAR = 'var/';
const INDEX = '_index';

/** The element that such names are. */
export const geneNamesElement = (geneKey: string | null): string => `${VAR}${geneKey ?? INDEX}`;

/** Why an element gives no such names; null where it does. */
export async function geneNamesProblem(
  chunk: AnnData,
  chunkName: string,
  element: string,
): Promise<{ message: string; remedy: string } | null> {
  const column = element.slice(VAR.length);
  try {
    await readGeneNames(chunk, chunkName, column === INDEX ? null : column);
    return null;
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    return { message: error.message, remedy: error.remedy };
  }
}

async function textColumn(chunk: AnnData, chunkName: string, geneKey: string): Promise<string[]> {
  const column = await chunk.column('var', geneKey);
  const values =
    column.kind === 'categories'
      ? Array.from(column.codes, (code) => column.categories[code] ?? null)
      : column.kind === 'strings'
        ? column.values
        : null;
  if (values === null) {
    throw invalidInput(
      `var column ${geneKey} of ${chunkName} holds ${column.kind}, but gene names were expected`,
      'Name a var column of text as gene_key.',
    );
  }
  const missing = values.indexOf(null);
  if (missing === -1) return values as string[];
  throw invalidInput(
    `var column ${geneKey} of ${chunkName} has no name for gene ${missing}`,
    'Fill the column, or name another one as gene_key.',
  );
}

function duplicatesOf(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return [...new Set(names.filter((name) => seen.size === seen.add(name).size))];
}

function listed(names: readonly string[]): string {
  const first = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}
