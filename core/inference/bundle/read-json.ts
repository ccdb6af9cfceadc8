import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { fromSystemError } from '../../errors.js';
import { damagedBundle } from './damaged.js';

/** A JSON file of a bundle; MissingModel with all that is wrong where it is absent, no JSON, or not of that shape. */
export async function readJson<T extends z.ZodType>(folder: string, name: string, schema: T): Promise<z.infer<T>> {
  const parsed = schema.safeParse(parse(folder, name, await readText(folder, name)));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${name}${path.length > 0 ? `, ${path.map(String).join('.')}` : ''}: ${message}`,
  );
  throw damagedBundle(folder, problems.slice(0, MOST_PROBLEMS));
}

/** A list of the wrong kind has as many problems as entries. */
const MOST_PROBLEMS = 20;

async function readText(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damagedBundle(folder, [`${name} is not there`]);
    throw fromSystemError(error, join(folder, name));
  }
}

function parse(folder: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damagedBundle(folder, [`${name} is no JSON: ${(error as Error).message}`]);
  }
}
