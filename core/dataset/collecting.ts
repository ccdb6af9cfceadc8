import { isObsmithError, type Problem } from '../errors.js';

/** The result of `work`; null where it refuses the input, which becomes a problem (with another remedy where one is given). */
export async function collecting<T>(
  problems: Problem[],
  where: string,
  work: () => Promise<T>,
  remedy?: string,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    problems.push({ message: error.message, remedy: remedy ?? error.remedy, where });
    return null;
  }
}
