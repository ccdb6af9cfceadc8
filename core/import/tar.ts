import { invalidInput } from '../errors.js';
import type { NamedContent } from './tenx-text.js';

const BLOCK = 512;

/**
 * Files of a tar archive (ustar, GNU long names, pax paths) in order, streamed: the content of an entry has to be read,
 * or skipped by asking for the next one, before the next one comes.
 */
export async function* tarEntries(archive: AsyncIterable<Uint8Array>, path: string): AsyncIterable<NamedContent> {
  const reader = new ByteReader(archive, path);
  let longName: string | undefined;
  for (;;) {
    const header = await reader.read(BLOCK);
    if (header === null || header.every((byte) => byte === 0)) return;
    const size = parseSize(header, path);
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    const type = String.fromCharCode(header[156]!);
    if (type === 'L' || type === 'x') {
      const text = Buffer.from((await reader.read(size)) ?? []).toString('utf8');
      longName = type === 'L' ? text.replace(/\0.*$/s, '') : (paxPath(text) ?? longName);
      await reader.skip(padding);
      continue;
    }
    const content = reader.take(size);
    if (type === '0' || type === '\0') yield { name: longName ?? headerName(header), content };
    for await (const _ of content);
    await reader.skip(padding);
    if (type !== 'g') longName = undefined;
  }
}

function headerName(header: Uint8Array): string {
  const name = field(header, 0, 100);
  const prefix = field(header, 257, 5) === 'ustar' ? field(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function field(header: Uint8Array, start: number, length: number): string {
  const bytes = header.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

/** Octal text, or big-endian binary where the highest bit is set (8 GiB and more). */
function parseSize(header: Uint8Array, path: string): number {
  const bytes = header.subarray(124, 136);
  if (bytes[0]! >= 0x80) return bytes.subarray(4).reduce((size, byte) => size * 256 + byte, 0);
  const text = field(header, 124, 12).trim();
  if (!/^[0-7]+$/.test(text)) {
    throw invalidInput(
      `${path} is not a tar archive (entry size "${text}")`,
      'Give a .tar or .tar.gz of a 10x folder, or the folder itself.',
    );
  }
  return Number.parseInt(text, 8);
}

/** Value of the record "<length> path=<value>\n". */
function paxPath(text: string): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1];
}

class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #path: string;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>, path: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#path = path;
  }

  /** `size` bytes; null at the end of the archive; InvalidInput where it ends in between. */
  async read(size: number): Promise<Uint8Array | null> {
    const parts: Uint8Array[] = [];
    for await (const part of this.#parts(size)) parts.push(part);
    const bytes = Buffer.concat(parts);
    if (bytes.length === 0 && size > 0) return null;
    if (bytes.length < size) throw this.#cutOff();
    return bytes;
  }

  async *take(size: number): AsyncGenerator<Uint8Array> {
    let taken = 0;
    for await (const part of this.#parts(size)) {
      taken += part.length;
      yield part;
    }
    if (taken < size) throw this.#cutOff();
  }

  async skip(size: number): Promise<void> {
    for await (const _ of this.#parts(size));
  }

  async *#parts(size: number): AsyncGenerator<Uint8Array> {
    for (let missing = size; missing > 0; ) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next();
        if (next.done) return;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      yield part;
    }
  }

  #cutOff(): Error {
    return invalidInput(`${this.#path} is a truncated tar archive`, 'Copy or download the archive again.');
  }
}
