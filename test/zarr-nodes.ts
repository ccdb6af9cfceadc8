import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Blosc from 'numcodecs/blosc';

/** A node as test/oracle/h5ad_fixtures.py describes it. */
export interface Node {
  readonly attributes: Record<string, unknown>;
  readonly shape?: number[];
  readonly dtype?: unknown;
  readonly values?: unknown;
}

interface ArrayFile {
  readonly shape: number[];
  readonly chunks: number[];
  readonly dtype: string | [string, string][];
}

/** All nodes of a zarr v2 store, read by the plainest means: the metadata files and numcodecs. */
export async function nodesOf(root: string, path: string): Promise<Record<string, Node>> {
  const folder = join(root, path);
  const names = await readdir(folder);
  const attributes = await json(join(folder, '.zattrs'));
  if (names.includes('.zarray')) return { [path]: { attributes, ...(await arrayOf(folder)) } };
  const nodes: Record<string, Node> = { [path]: { attributes } };
  for (const name of names.filter((key) => !key.startsWith('.'))) {
    Object.assign(nodes, await nodesOf(root, path === '' ? name : `${path}/${name}`));
  }
  return nodes;
}

const json = async (file: string) => JSON.parse(await readFile(file, 'utf8'));

async function arrayOf(folder: string): Promise<Pick<Node, 'shape' | 'dtype' | 'values'>> {
  const { shape, chunks, dtype } = (await json(join(folder, '.zarray'))) as ArrayFile;
  const count = shape.reduce((product, size) => product * size, 1);
  const files = Math.ceil((shape[0] ?? 1) / (chunks[0] ?? 1));
  const parts: Uint8Array[] = [];
  for (let i = 0; i < files && count > 0; i++) {
    const file = join(folder, [i, ...shape.slice(1).map(() => 0)].join('.'));
    parts.push(await Blosc.fromConfig({ id: 'blosc' }).decode(await readFile(file)));
  }
  if (dtype === '|O') return { shape, dtype: 'string', values: parts.flatMap(stringsIn).slice(0, count) };
  const bytes = Buffer.concat(parts);
  if (typeof dtype !== 'string') return { shape, dtype, values: bytes.toString('hex') };
  const [name, read] = NUMBERS[dtype]!;
  return { shape, dtype: name, values: Array.from({ length: count }, (_, i) => read(bytes, i)) };
}

const spelled = (value: number): number | string => (Number.isNaN(value) ? 'NaN' : value);
const exact = (value: bigint): number | string => (value > 2n ** 53n ? String(value) : Number(value));

const NUMBERS: Record<string, [string, (bytes: Buffer, i: number) => unknown]> = {
  '|b1': ['bool', (bytes, i) => bytes[i] === 1],
  '|i1': ['int8', (bytes, i) => bytes.readInt8(i)],
  '<i2': ['int16', (bytes, i) => bytes.readInt16LE(2 * i)],
  '<i4': ['int32', (bytes, i) => bytes.readInt32LE(4 * i)],
  '<i8': ['int64', (bytes, i) => exact(bytes.readBigInt64LE(8 * i))],
  '<u8': ['uint64', (bytes, i) => exact(bytes.readBigUInt64LE(8 * i))],
  '<f2': ['float16', (bytes, i) => half(bytes.readUInt16LE(2 * i))],
  '<f4': ['float32', (bytes, i) => spelled(bytes.readFloatLE(4 * i))],
  '<f8': ['float64', (bytes, i) => spelled(bytes.readDoubleLE(8 * i))],
};

/** Enough of float16 for small whole numbers. */
function half(bits: number): number {
  return bits === 0 ? 0 : (1 + (bits & 1023) / 1024) * 2 ** ((bits >> 10) - 15);
}

function stringsIn(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const strings: string[] = [];
  let at = 4;
  for (let i = 0; i < buffer.readUInt32LE(0); i++) {
    const length = buffer.readUInt32LE(at);
    strings.push(buffer.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}
