import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Digests, digestOf } from './dataset.js';

const PAUSE_MS = 20;
const LISTING = '.zmetadata';
/** Rewritten with every published array; its content is checked by what it lists. */
const CHANGING = new Set([LISTING]);
const MOST_VIOLATIONS = 20;

/**
 * Reads all outputs over and over while they appear, as a reader without any knowledge of runs would: every store that is
 * visible must have all files of its input's part, and every embedding that is listed or stands in obsm/ all of its own,
 * each with the bytes of an undisturbed run.
 */
export class OutputReader {
  /** What was seen that should not be there to see. */
  readonly violations: string[] = [];
  polls = 0;
  readonly #outputs: string;
  /** Files of a whole store, by part: "" or "obsm/X_<method>". */
  readonly #stores = new Map<string, Map<string, string[]>>();
  readonly #expected: Digests;
  readonly #seen = new Set<string>();
  #stopped = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(outputs: string, expected: Digests) {
    this.#outputs = outputs;
    this.#expected = expected;
    for (const file of Object.keys(expected)) {
      const [, store, inside] = /^(.*?\.zarr)\/(.*)$/.exec(file) ?? [];
      if (store === undefined || inside === undefined || CHANGING.has(inside)) continue;
      const part = /^obsm\/X_[^/]+/.exec(inside)?.[0] ?? '';
      const parts = this.#stores.get(store) ?? new Map<string, string[]>();
      parts.set(part, [...(parts.get(part) ?? []), file]);
      this.#stores.set(store, parts);
    }
  }

  /** Embeddings that were found complete. */
  get arraysSeen(): number {
    return [...this.#seen].filter((part) => !part.endsWith(' ')).length;
  }

  start(): void {
    this.#ended = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      for (const [store, parts] of this.#stores) await this.#look(store, parts);
      this.polls++;
      await sleep(PAUSE_MS);
    }
  }

  async #look(store: string, parts: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const folder = join(this.#outputs, store);
    if (!(await exists(folder))) return;
    const visible = new Set([
      '',
      ...(await this.#listed(folder)),
      ...(await readdir(join(folder, 'obsm'))).filter((key) => key.startsWith('X_')).map((key) => `obsm/${key}`),
    ]);
    for (const part of visible) {
      const name = `${store} ${part}`;
      if (this.#seen.has(name)) continue;
      const wrong = await this.#wrongFiles(parts.get(part) ?? [`${store}/${part} (unknown)`]);
      if (wrong.length === 0) this.#seen.add(name);
      else this.#report(`${name}: ${wrong.length} files missing or other than they should be, e.g. ${wrong[0]}`);
    }
  }

  async #listed(folder: string): Promise<string[]> {
    try {
      const { metadata } = JSON.parse(await readFile(join(folder, LISTING), 'utf8'));
      return Object.keys(metadata).flatMap((key) => /^(obsm\/X_[^/]+)\/\.zarray$/.exec(key)?.[1] ?? []);
    } catch (error) {
      this.#report(`${folder}/${LISTING}: ${(error as Error).message}`);
      return [];
    }
  }

  async #wrongFiles(files: readonly string[]): Promise<string[]> {
    const wrong: string[] = [];
    for (const file of files) {
      const digest = await digestOf(join(this.#outputs, file)).catch(() => null);
      if (digest === null || digest !== this.#expected[file]) wrong.push(file);
    }
    return wrong;
  }

  #report(violation: string): void {
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push(violation);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
