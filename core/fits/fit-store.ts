import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fitFolder } from '../dataset/layout.js';
import { fromSystemError, invalidInput } from '../errors.js';
import type { Fit } from './types.js';

type FitDescription = Omit<Fit, 'arrays'> & { readonly arrays: Readonly<Record<string, number>> };

/** True once the fit was written as a whole. */
export async function fitExists(base: string, fitId: string): Promise<boolean> {
  const path = join(base, fitFolder(fitId), 'fit.json');
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fromSystemError(error, path);
  }
}

/** Reads a finished fit; InvalidInput where it is absent, cut short or another than its folder says. */
export async function loadFit(base: string, fitId: string): Promise<Fit> {
  const folder = join(base, fitFolder(fitId));
  try {
    const description = JSON.parse(await readFile(join(folder, 'fit.json'), 'utf8')) as FitDescription;
    const arrays: Record<string, Float64Array> = {};
    for (const [name, length] of Object.entries(description.arrays))
      arrays[name] = await readArray(join(folder, `${name}.f64`), length);
    return { ...description, arrays };
  } catch (error) {
    throw fromSystemError(error, folder);
  }
}

/** Writes a fit so that it appears as a whole; a fit of the same id that is already there stays. */
export async function saveFit(base: string, fit: Fit): Promise<void> {
  const folder = join(base, fitFolder(fit.id));
  const staged = `${folder}.${randomUUID()}.partial`;
  try {
    await mkdir(staged, { recursive: true });
    for (const [name, values] of Object.entries(fit.arrays))
      await writeDurably(join(staged, `${name}.f64`), bytesOf(values));
    const lengths = Object.fromEntries(Object.entries(fit.arrays).map(([name, values]) => [name, values.length]));
    await writeDurably(join(staged, 'fit.json'), `${JSON.stringify({ ...fit, arrays: lengths }, null, 1)}\n`);
    await mkdir(dirname(folder), { recursive: true });
    await rename(staged, folder);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code))) return;
    throw fromSystemError(error, folder);
  }
}

async function readArray(path: string, length: number): Promise<Float64Array> {
  const bytes = await readFile(path);
  if (bytes.byteLength !== length * 8) {
    throw invalidInput(
      `${path} has ${bytes.byteLength} bytes, expected ${length * 8}`,
      'Delete the folder of this fit; the next run computes it again.',
    );
  }
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
}

const writeDurably = (path: string, data: Uint8Array | string): Promise<void> => writeFile(path, data, { flush: true });

const bytesOf = (values: Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
