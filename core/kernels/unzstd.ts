import { readFileSync } from 'node:fs';
import { built } from '../package-root.js';
import { CorruptData } from './corrupt-data.js';

interface Exports {
  scratchBytes(): number;
  decode(source: number, sourceBytes: number, target: number, targetBytes: number, work: number): number;
}

/** What the kernel answers for frames that it leaves to others: with a checksum or dictionary, or more than one. */
const FOREIGN = 2;
const DECODED = 1;
/** Where the source begins: above the module's own tables, with room below, for words that begin before it. */
const SOURCE = 8192;
/** Copies run 16 bytes wide, so each area is followed by this many writable bytes. */
const SLACK = 64;
const PAGE = 65536;

let memory: WebAssembly.Memory | undefined;
let kernel: Exports | undefined;

function start(): { memory: WebAssembly.Memory; kernel: Exports } {
  if (memory === undefined || kernel === undefined) {
    const module = new WebAssembly.Module(readFileSync(built('core/kernels/unzstd.wasm')));
    memory = new WebAssembly.Memory({ initial: 16 });
    kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  }
  return { memory, kernel };
}

function grow(to: number): void {
  const { memory } = start();
  const missing = to - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(Math.max(missing, memory.buffer.byteLength / 4) / PAGE));
}

/** Room for a frame of `bytes` bytes, to be filled before `decodeFrame`. Valid until the next call. */
export function frameSource(bytes: number): Uint8Array {
  grow(SOURCE + bytes + SLACK);
  return new Uint8Array(start().memory.buffer, SOURCE, bytes);
}

/**
 * Decodes the zstd frame that lies in the view which `frameSource` gave, where it is `decodedBytes` bytes; null where it
 * needs another decoder. Returns a view, 16-byte aligned, that is valid until the next call of either function.
 * One memory per thread serves all arrays (core/kernels/assembly/unzstd.ts). @throws CorruptData
 */
export function decodeFrame(sourceBytes: number, decodedBytes: number): Uint8Array | null {
  const target = align(SOURCE + sourceBytes + SLACK);
  const work = align(target + decodedBytes + SLACK);
  grow(work + start().kernel.scratchBytes());
  const { memory, kernel } = start();
  const answer = kernel.decode(SOURCE, sourceBytes, target, decodedBytes, work);
  if (answer === FOREIGN) return null;
  if (answer !== DECODED) throw new CorruptData('corrupt or truncated zstd frame');
  return new Uint8Array(memory.buffer, target, decodedBytes);
}

const align = (address: number): number => Math.ceil(address / 16) * 16;
