import { readFileSync } from 'node:fs';
import { built } from '../package-root.js';

/** Bytes that wasm memories grow by. */
export const PAGE = 65536;
/** Bytes at the start of every kernel's memory for the module's own data, checked by the build. The host's areas begin above. */
export const OWN_DATA_BYTES = 4096;

/** One instance of a wasm kernel with a memory of its own, in which the host lays out areas once. */
export class KernelMemory<Exports> {
  readonly exports: Exports;
  readonly #memory: WebAssembly.Memory;
  #end = OWN_DATA_BYTES;

  /** `name` is that of the source in core/kernels/assembly; `bytes` what all areas take together. */
  constructor(name: string, bytes: number) {
    const { exports, memory } = instantiate<Exports>(name, Math.ceil((OWN_DATA_BYTES + bytes) / PAGE) + 1);
    this.exports = exports;
    this.#memory = memory;
  }

  float64(length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#memory.buffer as ArrayBuffer, this.#take(length * 8), length);
  }

  float32(length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#memory.buffer as ArrayBuffer, this.#take(length * 4), length);
  }

  int32(length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#memory.buffer as ArrayBuffer, this.#take(length * 4), length);
  }

  uint16(length: number): Uint16Array<ArrayBuffer> {
    return new Uint16Array(this.#memory.buffer as ArrayBuffer, this.#take(length * 2), length);
  }

  uint8(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer as ArrayBuffer, this.#take(length), length);
  }

  #take(bytes: number): number {
    const start = this.#end;
    this.#end = Math.ceil((start + bytes) / 16) * 16;
    return start;
  }
}

/** A kernel with a memory of so many pages; `name` is that of the source in core/kernels/assembly. */
export function instantiate<Exports>(name: string, pages: number): { exports: Exports; memory: WebAssembly.Memory } {
  const module = new WebAssembly.Module(readFileSync(built(`core/kernels/${name}.wasm`)));
  const memory = new WebAssembly.Memory({ initial: pages });
  return { exports: new WebAssembly.Instance(module, { env: { memory } }).exports as Exports, memory };
}
