import { randomUUID } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fromSystemError, invalidConfig } from '../errors.js';
import { createOnce } from './create-once.js';
import { baseIdFile } from './layout.js';

/** Id of the base folder; made on first use (once, whoever comes first). InvalidConfig where the folder itself is not there. */
export async function ensureBaseId(base: string): Promise<string> {
  await requireBaseFolder(base);
  const file = join(base, baseIdFile());
  try {
    const there = await readBaseId(file);
    if (there !== null) return there;
    await mkdir(dirname(file), { recursive: true });
    const id = randomUUID();
    if (await createOnce(file, `${id}\n`)) return id;
    return (await readBaseId(file)) ?? (await ensureBaseId(base));
  } catch (error) {
    throw fromSystemError(error, file);
  }
}

/** InvalidConfig where the base folder is not there. */
export async function requireBaseFolder(base: string): Promise<void> {
  const found = await stat(base).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw fromSystemError(error, base);
  });
  if (found?.isDirectory()) return;
  throw invalidConfig(
    `Base folder ${found === null ? 'not found' : 'is not a folder'}: ${base}`,
    'Set base_file_path in the configuration, or the environment variable BASE_FILE_PATH, to the folder that holds processed/.',
  );
}

async function readBaseId(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
