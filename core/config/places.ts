import type { KeyPath } from './tree.js';

/** Where a key was written: a file and line, or "--set". */
export interface Place {
  readonly where: string;
  readonly line?: number;
}

/** Remembers for every key the place that it was written last. */
export class Places {
  readonly #places = new Map<string, Place>();

  set(path: KeyPath, place: Place): void {
    this.#places.set(keyOf(path), place);
  }

  /** Place of the key, or of the nearest key above it. */
  of(path: KeyPath): Place | undefined {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#places.get(keyOf(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return undefined;
  }

  /** True where that very key was written by the user. */
  has(path: KeyPath): boolean {
    return this.#places.has(keyOf(path));
  }

  /** Takes over all places of another file composed above this one. */
  addAll(other: Places): void {
    for (const [key, place] of other.#places) this.#places.set(key, place);
  }
}

const keyOf = (path: KeyPath): string => path.join('\0');
