import { readFileSync } from 'node:fs';
import { built } from '../package-root.js';
import { OWN_DATA_BYTES } from './kernel-memory.js';

interface Encoder {
  scratchBytes(): number;
  targetBytes(sourceBytes: number): number;
  encode(source: number, bytes: number, target: number, work: number): number;
  isFinite(): number;
}

export interface EncodedValues {
  /** One zstd frame, the caller's own. */
  readonly frame: Uint8Array;
  /** Whether none of the values is NaN or infinite. */
  readonly finite: boolean;
}

/** Where areas begin: above the module's own tables. */
const SOURCE = OWN_DATA_BYTES;
const PAGE = 65536;

let memory: WebAssembly.Memory | undefined;
let encoder: Encoder | undefined;

function start(): { memory: WebAssembly.Memory; encoder: Encoder } {
  if (memory === undefined || encoder === undefined) {
    const module = new WebAssembly.Module(readFileSync(built('core/kernels/zstd-mostly-zeros.wasm')));
    memory = new WebAssembly.Memory({ initial: 16 });
    encoder = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Encoder;
  }
  return { memory, encoder };
}

/**
 * Encodes values that are mostly zeros, followed by zeros up to `bytes` bytes (a multiple of 4, at most 16 MiB or so),
 * as one zstd frame, many times faster than a general encoder. The same values give the same bytes on every machine.
 * One memory per thread serves all calls.
 */
export function encodeMostlyZeros(values: Float32Array, bytes: number): EncodedValues {
  const { memory, encoder } = start();
  const work = align(SOURCE + bytes);
  const target = align(work + encoder.scratchBytes());
  const missing = target + encoder.targetBytes(bytes) - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  const source = new Float32Array(memory.buffer, SOURCE, bytes / Float32Array.BYTES_PER_ELEMENT);
  source.set(values);
  source.fill(0, values.length);
  const size = encoder.encode(SOURCE, bytes, target, work);
  return { frame: new Uint8Array(memory.buffer, target, size).slice(), finite: encoder.isFinite() !== 0 };
}

const align = (address: number): number => Math.ceil(address / 16) * 16;
