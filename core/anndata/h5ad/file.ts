import { open } from 'node:fs/promises';
import { fromSystemError, invalidInput, isObsmithError, ObsmithError } from '../../errors.js';
import { File } from './library.js';

const SIGNATURE = Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a);
/** A user block may precede the signature, which then stands at 512, 1024, 2048... */
const SIGNATURE_OFFSETS = [0, 512, 1024, 2048];

/** True where the file begins as HDF5 does. Errors of the file system are ObsmithErrors. */
export async function isHdf5(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    for (const offset of SIGNATURE_OFFSETS) {
      const head = new Uint8Array(SIGNATURE.length);
      const { bytesRead } = await file.read(head, 0, head.length, offset);
      if (bytesRead === head.length && head.every((byte, i) => byte === SIGNATURE[i])) return true;
    }
    return false;
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

/** Opens an HDF5 file for reading; InvalidInput where it is not HDF5 or cut off. The caller closes it. */
export async function openHdf5(path: string): Promise<File> {
  if (!(await isHdf5(path))) {
    if (path.endsWith('.zarr')) {
      throw invalidInput(
        `${path} is a file, but a zarr store is a folder`,
        'Unpack it where it is an archive, or copy the whole folder from its source.',
      );
    }
    throw invalidInput(
      `${path} is not an HDF5 file: it does not begin with the HDF5 signature`,
      'Give an .h5ad file written by anndata, or import the raw data with `obsmith import`.',
    );
  }
  let file: File;
  try {
    file = new File(path, 'r');
  } catch (error) {
    throw damaged(path, error);
  }
  // Without the throwing handler a damaged file "opens" with a negative id; keep the check in case it is off.
  if (file.file_id < 0n) throw damaged(path, undefined);
  return file;
}

/** Calls into the library; where a part of the file cannot be read, InvalidInput names it. */
export function hdf5Call<T>(where: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (isObsmithError(error)) throw error;
    throw damaged(where, error);
  }
}

/** What the file system says through HDF5 when it is out of reach for now (NFS, a full descriptor table). */
const OUT_OF_REACH =
  /error message = '(I\/O error|Stale file handle|Connection timed out|Resource busy|No file descriptors available)/;

/** StoreUnavailable where the file system failed in the midst of a read, else null. */
export function outOfReach(where: string, cause: unknown): ObsmithError | null {
  const reason = OUT_OF_REACH.exec(cause instanceof Error ? cause.message : '')?.[1];
  if (reason === undefined) return null;
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `${where} cannot be read: ${reason}`,
    remedy: 'Check the file system; the work is retried and goes on from its last checkpoint.',
    cause,
  });
}

function damaged(path: string, cause: unknown): Error {
  const unreachable = outOfReach(path, cause);
  if (unreachable !== null) return unreachable;
  return invalidInput(
    `${path} is a truncated or damaged HDF5 file: ${hdf5Reason(cause)}`,
    'Copy or download the file again and compare its size with the source.',
    cause,
  );
}

/** First line of HDF5's error stack that says something to people. */
export function hdf5Reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const reasons = [...text.matchAll(/line \d+ in \w+\(\): (.+)/g)].map((match) => match[1]!);
  return reasons.at(-1) ?? text.split('\n')[0] ?? text;
}
