import { instantiate, PAGE } from './kernel-memory.js';

const PAGES = 16;

/** One instance of a wasm kernel whose memory grows with what it is given; it is made when it is first used. */
export class GrowingKernel<Exports> {
  readonly #name: string;
  #instance: { readonly exports: Exports; readonly memory: WebAssembly.Memory } | undefined;

  /** `name` is that of the source in core/kernels/assembly. */
  constructor(name: string) {
    this.#name = name;
  }

  get exports(): Exports {
    return this.#made.exports;
  }

  /** All memory there is. Another one after `reserve`. */
  get buffer(): ArrayBuffer {
    return this.#made.memory.buffer as ArrayBuffer;
  }

  /** Makes sure that there is memory up to this address. Views of it may be of no use afterwards. */
  reserve(end: number): void {
    const { memory } = this.#made;
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(Math.max(missing, memory.buffer.byteLength / 4) / PAGE));
  }

  get #made() {
    this.#instance ??= instantiate<Exports>(this.#name, PAGES);
    return this.#instance;
  }
}

/** The first address from this one on that vectors may lie at. */
export const align = (address: number): number => Math.ceil(address / 16) * 16;
