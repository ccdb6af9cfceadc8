import type { GeneformerDescription } from './schema.js';
import type { Vocabulary } from './types.js';

/** What is wrong between a vocabulary and the model that it stands beside; empty where they fit. */
export function vocabularyProblems(vocabulary: Vocabulary, model: GeneformerDescription): string[] {
  return [
    ...lengthProblems(vocabulary),
    ...geneProblems(vocabulary),
    ...tokenProblems(vocabulary, model.vocabularySize),
    ...specialProblems(vocabulary, model),
    ...(model.tokenizer.inputSize > model.maxLength
      ? [`tokenizer.inputSize is ${model.tokenizer.inputSize}, but the model has ${model.maxLength} positions`]
      : []),
  ];
}

function lengthProblems({ genes, tokens, medians }: Vocabulary): string[] {
  if (tokens.length === genes.length && medians.length === genes.length) return [];
  return [
    `vocab.json has ${genes.length} genes, ${tokens.length} tokens and ${medians.length} medians; equal numbers were expected`,
  ];
}

function geneProblems({ genes, aliases, unmapped }: Vocabulary): string[] {
  const known = new Set(genes);
  const problems: string[] = [];
  if (known.size < genes.length) problems.push(`vocab.json names ${genes.length - known.size} genes twice`);
  const [alias, target] = Object.entries(aliases).find(([, gene]) => !known.has(gene)) ?? [];
  if (alias !== undefined) problems.push(`alias ${alias} stands for ${target}, which is not in the vocabulary`);
  const stranger = unmapped.find((gene) => !known.has(gene));
  if (stranger !== undefined) problems.push(`unmapped names ${stranger}, which is not in the vocabulary`);
  return problems;
}

function tokenProblems({ tokens, special }: Vocabulary, vocabularySize: number): string[] {
  const all = [...tokens, ...Object.values(special)];
  const problems: string[] = [];
  const largest = all.reduce((most, token) => Math.max(most, token), 0);
  if (largest >= vocabularySize)
    problems.push(
      `vocab.json has token ${largest}, but the model knows ${vocabularySize} tokens (0 to ${vocabularySize - 1})`,
    );
  if (new Set(all).size < all.length) problems.push('vocab.json gives one token to several genes or special tokens');
  return problems;
}

function specialProblems({ special }: Vocabulary, { tokenizer }: GeneformerDescription): string[] {
  const needed = ['<pad>', ...(tokenizer.specialToken ? ['<cls>', '<eos>'] : [])];
  return needed
    .filter((name) => special[name] === undefined)
    .map((name) => `vocab.json lacks the special token ${name}`);
}
