import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as zarrita from 'zarrita';
import { CorruptData } from '../../kernels/corrupt-data.js';
import type { ArrayNode } from './metadata.js';

type Elements = Float64Array | Uint8Array;

/** A chunk whose codecs only zarrita knows, as bytes in C order. @throws CorruptData */
export async function readForeignChunk(node: ArrayNode, coordinates: readonly number[]): Promise<Uint8Array> {
  const store = { get: (key: string) => readFile(join(node.folder, key)).catch(absent) };
  try {
    const open = node.version === 2 ? zarrita.open.v2 : zarrita.open.v3;
    const array = await open(zarrita.root(store), { kind: 'array' });
    const { data, shape, stride } = await array.getChunk([...coordinates]);
    return inCOrder(data as unknown as Elements, shape, stride);
  } catch (error) {
    throw new CorruptData(`zarrita cannot decode ${node.foreign}: ${(error as Error).message}`);
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function inCOrder(data: Elements, shape: readonly number[], stride: readonly number[]): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) throw new CorruptData(`expected ${count} elements, found ${data.length}`);
  const ordered = new (data.constructor as new (length: number) => Elements)(count);
  for (let position = 0; position < count; position++) {
    let rest = position;
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += (rest % shape[axis]!) * stride[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    ordered[position] = data[from]!;
  }
  return new Uint8Array(ordered.buffer, 0, ordered.byteLength);
}
