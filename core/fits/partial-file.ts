import { type FileHandle, open } from 'node:fs/promises';
import { createStagedFile, type StagedFile } from '../anndata/zarr-write/staged-file.js';
import { readFully } from '../anndata/zarr-write/transfer.js';
import { fromSystemError, invalidInput, type ObsmithError } from '../errors.js';

/**
 * Sums on their way through a round: 8 bytes "OBSMSUM1", the header's length as little-endian float64, the header as
 * JSON padded with blanks to a multiple of 8 bytes, then the float64 values of every array, little-endian.
 */
const MAGIC = 'OBSMSUM1';
const PREAMBLE = 16;

export interface PartialHeader {
  /** Array name -> number of values, in the order in which they lie in the file. */
  readonly arrays: Readonly<Record<string, number>>;
}

/** A partial that is being written: values in any order, visible only after `commit`. */
export interface PartialWriter extends Pick<StagedFile, 'commit' | 'abandon'> {
  write(array: string, offset: number, values: Float64Array): Promise<void>;
}

export async function createPartial(path: string, header: PartialHeader): Promise<PartialWriter> {
  const head = encodeHeader(header);
  const positions = arrayPositions(header, head.byteLength);
  const file = await createStagedFile(path, head);
  return {
    write: (array, offset, values) => file.write(bytesOf(values), positions.get(array)! + offset * 8),
    commit: file.commit,
    abandon: file.abandon,
  };
}

/** A finished partial, read piece by piece. */
export interface PartialReader<Header extends PartialHeader> {
  readonly path: string;
  readonly header: Header;
  /** Fills `target` with the array's values from `offset` on. */
  read(array: string, offset: number, target: Float64Array): Promise<void>;
  close(): Promise<void>;
}

/** InvalidInput where the file is absent, is no partial, or was cut short. */
export async function openPartial<Header extends PartialHeader>(path: string): Promise<PartialReader<Header>> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    const { header, bytes } = await readHeader(file, path);
    const positions = arrayPositions(header, bytes);
    const handle = file;
    return {
      path,
      header: header as Header,
      async read(array, offset, target) {
        try {
          await readWhole(handle, bytesOf(target), positions.get(array)! + offset * 8, path);
        } catch (error) {
          throw fromSystemError(error, path);
        }
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await file?.close();
    throw fromSystemError(error, path);
  }
}

/** Opens partials for as long as they are used. */
export async function withPartials<Header extends PartialHeader, Result>(
  paths: readonly string[],
  open: (path: string) => Promise<PartialReader<Header>>,
  use: (readers: PartialReader<Header>[]) => Promise<Result>,
): Promise<Result> {
  const readers: PartialReader<Header>[] = [];
  try {
    for (const path of paths) readers.push(await open(path));
    return await use(readers);
  } finally {
    for (const reader of readers) await reader.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<{ header: PartialHeader; bytes: number }> {
  const preamble = Buffer.alloc(PREAMBLE);
  await readWhole(file, preamble, 0, path);
  if (preamble.toString('latin1', 0, 8) !== MAGIC) throw damaged(path, 'it does not start as such a file does');
  const length = preamble.readDoubleLE(8);
  const size = (await file.stat()).size;
  if (!(length >= 0 && PREAMBLE + length <= size)) throw damaged(path, `its header claims ${length} bytes of ${size}`);
  const json = Buffer.alloc(length);
  await readWhole(file, json, PREAMBLE, path);
  const header = JSON.parse(json.toString('utf8')) as PartialHeader;
  const values = Object.values(header.arrays).reduce((sum, count) => sum + count, 0);
  const expected = PREAMBLE + length + values * 8;
  if (size !== expected) throw damaged(path, `it has ${size} bytes, expected ${expected}`);
  return { header, bytes: PREAMBLE + length };
}

function encodeHeader(header: PartialHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const bytes = Buffer.alloc(PREAMBLE + padded, 0x20);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeDoubleLE(padded, 8);
  json.copy(bytes, PREAMBLE);
  return bytes;
}

function arrayPositions(header: PartialHeader, start: number): Map<string, number> {
  const positions = new Map<string, number>();
  let position = start;
  for (const [name, count] of Object.entries(header.arrays)) {
    positions.set(name, position);
    position += count * 8;
  }
  return positions;
}

const bytesOf = (values: Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

async function readWhole(file: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  if (!(await readFully(file, bytes, position))) throw damaged(path, 'it ends too early');
}

function damaged(path: string, what: string): ObsmithError {
  return invalidInput(
    `${path} is damaged: ${what}`,
    'Delete the folder that holds it and start the run again; its sums are computed anew.',
  );
}
