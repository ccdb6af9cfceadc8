import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { createStagedFile } from '../anndata/zarr-write/staged-file.js';
import { readFully } from '../anndata/zarr-write/transfer.js';
import { fromSystemError, invalidInput, type ObsmithError } from '../errors.js';
import type { Json } from '../methods/types.js';

/**
 * Tokens of a chunk: the mark "OBSMTOK1"; the 16-bit tokens of all cells in order; the number of tokens of each cell as
 * 32-bit numbers; a description in JSON; its length in bytes (32 bits); the mark again. All little-endian.
 */
const MARK = 'OBSMTOK1';
const MARK_BYTES = MARK.length;
const TAIL_BYTES = 4 + MARK_BYTES;

interface Description {
  readonly cells: number;
  /** Cells that one checksum stands for; the last block may have fewer. */
  readonly blockRows: number;
  /** CRC-32 of the tokens of each block. */
  readonly checksums: readonly number[];
  readonly report: Readonly<Record<string, Json>>;
}

/** A token file that is being written; it appears only when it is committed. */
export interface TokenWriter {
  /** The next block of cells. All but the last have `blockRows` cells. */
  write(tokens: Uint16Array, lengths: Uint32Array): Promise<void>;
  commit(report: Readonly<Record<string, Json>>): Promise<void>;
  /** Removes what was written unless it was committed. */
  abandon(): Promise<void>;
}

export async function createTokenFile(path: string, blockRows: number): Promise<TokenWriter> {
  const file = await createStagedFile(path, Buffer.from(MARK, 'latin1'));
  const lengths: Uint32Array[] = [];
  const checksums: number[] = [];
  let end = MARK_BYTES;
  const append = async (bytes: Uint8Array) => {
    await file.write(bytes, end);
    end += bytes.byteLength;
  };
  return {
    async write(tokens, lengthsOfBlock) {
      checksums.push(crc32(bytesOf(tokens)));
      lengths.push(lengthsOfBlock.slice());
      await append(bytesOf(tokens));
    },
    async commit(report) {
      const cells = lengths.reduce((sum, block) => sum + block.length, 0);
      const json = Buffer.from(JSON.stringify({ cells, blockRows, checksums, report } satisfies Description));
      const tail = Buffer.alloc(TAIL_BYTES);
      tail.writeUInt32LE(json.byteLength, 0);
      tail.write(MARK, 4, 'latin1');
      await append(Buffer.concat([...lengths.map(bytesOf), json, tail]));
      await file.commit();
    },
    abandon: file.abandon,
  };
}

/** A finished token file. */
export interface TokenFile {
  readonly cells: number;
  /** Number of tokens of each cell; 0 where a cell has none, and so no embedding. */
  readonly lengths: Uint32Array;
  /** What was counted while tokenizing. */
  readonly report: Readonly<Record<string, Json>>;
  /** Tokens of the cells [start, end), one array each (views). InvalidInput where the file was damaged. */
  rows(start: number, end: number): Promise<Uint16Array[]>;
  close(): Promise<void>;
}

/** Null where the file is absent or not whole, so that it has to be made (anew). */
export async function openTokenFile(path: string): Promise<TokenFile | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, path);
  }
  try {
    const footer = await readFooter(file);
    if (footer === null) {
      await file.close();
      return null;
    }
    const { description, lengths } = footer;
    const offsets = offsetsOf(lengths);
    const { cells, blockRows, checksums, report } = description;
    // Rows are asked for in order, a few at a time, and a block is read and checked as a whole.
    let kept: { readonly block: number; readonly tokens: Uint16Array } | null = null;
    const tokensOf = async (block: number, first: number, last: number): Promise<Uint16Array> => {
      if (kept?.block === block) return kept.tokens;
      const tokens = new Uint16Array(offsets[last]! - offsets[first]!);
      const whole = await readFully(file, bytesOf(tokens), MARK_BYTES + offsets[first]! * 2);
      if (!whole || crc32(bytesOf(tokens)) !== checksums[block]) throw damaged(path, first, last);
      kept = { block, tokens };
      return tokens;
    };
    return {
      cells,
      lengths,
      report,
      async rows(start, end) {
        const found: Uint16Array[] = [];
        for (let block = Math.floor(start / blockRows); block * blockRows < end; block++) {
          const first = block * blockRows;
          const last = Math.min(cells, first + blockRows);
          const tokens = await tokensOf(block, first, last);
          for (let cell = Math.max(start, first); cell < Math.min(end, last); cell++) {
            found.push(tokens.subarray(offsets[cell]! - offsets[first]!, offsets[cell + 1]! - offsets[first]!));
          }
        }
        return found;
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw fromSystemError(error, path);
  }
}

interface Footer {
  readonly description: Description;
  readonly lengths: Uint32Array;
}

/** Read from the end; null where the numbers of bytes do not go together. */
async function readFooter(file: FileHandle): Promise<Footer | null> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(TAIL_BYTES);
  if (!(await readFully(file, tail, size - TAIL_BYTES)) || tail.toString('latin1', 4) !== MARK) return null;
  const jsonStart = size - TAIL_BYTES - tail.readUInt32LE(0);
  if (jsonStart < MARK_BYTES) return null;
  const json = Buffer.alloc(tail.readUInt32LE(0));
  await readFully(file, json, jsonStart);
  const description = JSON.parse(json.toString('utf8')) as Description;
  const lengths = new Uint32Array(description.cells);
  const start = jsonStart - lengths.byteLength;
  if (!(await readFully(file, bytesOf(lengths), start))) return null;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  return start === MARK_BYTES + tokens * 2 ? { description, lengths } : null;
}

function offsetsOf(lengths: Uint32Array): Float64Array {
  const offsets = new Float64Array(lengths.length + 1);
  for (let cell = 0; cell < lengths.length; cell++) offsets[cell + 1] = offsets[cell]! + lengths[cell]!;
  return offsets;
}

const bytesOf = (values: Uint16Array | Uint32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function damaged(path: string, first: number, last: number): ObsmithError {
  return invalidInput(
    `Prepared tokens were changed: cells ${first} to ${last} of ${path} do not have the checksum they were written with`,
    'Delete the file and start the run again; the chunk is tokenized anew.',
  );
}
