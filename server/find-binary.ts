import { ObsmithError, type Problem } from '../core/errors.js';

/** One way to come by the Temporal CLI, which holds the development server. */
export interface BinarySource {
  readonly name: string;
  /** The path of a binary that runs, or what is wrong and what to do about it. */
  obtain(say: (line: string) => void): Promise<string | Problem>;
}

export interface FoundBinary {
  readonly path: string;
  /** Name of the source that it came from. */
  readonly source: string;
}

/** Asks the sources in their order; when all fail, the error says of each why and what to do. `say` gets a line before anything slow. */
export async function findBinary(sources: readonly BinarySource[], say: (line: string) => void): Promise<FoundBinary> {
  const problems: Problem[] = [];
  for (const source of sources) {
    const found = await source.obtain(say);
    if (typeof found === 'string') return { path: found, source: source.name };
    problems.push({ where: source.name, ...found });
  }
  throw new ObsmithError({
    type: 'StoreUnavailable',
    message: 'No Temporal server is running and none could be obtained',
    remedy: 'Start a Temporal server and set TEMPORAL_ADDRESS, or do one of the things above.',
    problems,
  });
}
