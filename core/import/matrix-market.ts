import { invalidInput } from '../errors.js';

export interface MatrixMarketSize {
  readonly rows: number;
  readonly columns: number;
  readonly entries: number;
}

/** Receives what is in a Matrix Market file, in its order; row and column from 0. */
export interface MatrixMarketSink {
  size(size: MatrixMarketSize): void;
  entry(row: number, column: number, value: number): void;
  /** Called after each piece of the file: the place for writing. */
  flush(): Promise<void>;
}

const NEWLINE = 10;
const PERCENT = 37;

/**
 * Streams a Matrix Market file (`coordinate`, `integer` or `real`, `general`) into a sink. InvalidInput where the
 * header, a line or the number of entries is not as the format says.
 */
export async function readMatrixMarket(
  content: AsyncIterable<Uint8Array>,
  path: string,
  sink: MatrixMarketSink,
): Promise<void> {
  const parser = new LineParser(path, sink);
  let rest = Buffer.alloc(0);
  for await (const piece of content) {
    const bytes = Buffer.concat([rest, piece]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      parser.line(bytes, start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    await sink.flush();
  }
  if (rest.length > 0) parser.line(rest, 0, rest.length);
  parser.end();
  await sink.flush();
}

class LineParser {
  readonly #path: string;
  readonly #sink: MatrixMarketSink;
  #size: MatrixMarketSize | undefined;
  #lines = 0;
  #entries = 0;

  constructor(path: string, sink: MatrixMarketSink) {
    this.#path = path;
    this.#sink = sink;
  }

  /** One line: bytes [start, end). */
  line(bytes: Buffer, start: number, end: number): void {
    this.#lines += 1;
    if (this.#size) {
      this.#entry(bytes, start, end);
      return;
    }
    const text = bytes.toString('latin1', start, end).trim();
    if (this.#lines === 1) this.#banner(text);
    else if (text !== '' && bytes[start] !== PERCENT) this.#header(text);
  }

  /** Checks that the file had as many entries as its header says. */
  end(): void {
    if (this.#size && this.#entries === this.#size.entries) return;
    throw invalidInput(
      `${this.#path} has ${this.#entries} entries, its header promises ${this.#size?.entries ?? 'nothing'}`,
      'The file is truncated: copy or export it again.',
    );
  }

  #banner(text: string): void {
    if (/^%%MatrixMarket\s+matrix\s+coordinate\s+(integer|real)\s+general$/i.test(text)) return;
    throw invalidInput(
      `${this.#path} begins with "${text.slice(0, 80)}", "%%MatrixMarket matrix coordinate integer general" was expected`,
      'Give the matrix.mtx(.gz) that CellRanger wrote, or export the matrix in that format.',
    );
  }

  #header(text: string): void {
    const [rows, columns, entries, ...more] = text.split(/\s+/).map(Number);
    if (more.length > 0 || ![rows, columns, entries].every((count) => Number.isSafeInteger(count))) {
      throw this.#badLine(text, '"rows columns entries"');
    }
    this.#size = { rows: rows!, columns: columns!, entries: entries! };
    this.#sink.size(this.#size);
  }

  /** "row column value", numbered from 1. Digits are read in place: entries are nearly the whole of the file. */
  #entry(bytes: Buffer, start: number, end: number): void {
    let at = start;
    const integer = (): number => {
      while (at < end && isSpace(bytes[at]!)) at += 1;
      let value = 0;
      const first = at;
      for (; at < end && isDigit(bytes[at]!); at += 1) value = value * 10 + bytes[at]! - 48;
      return at === first ? Number.NaN : value;
    };
    const row = integer();
    if (Number.isNaN(row) && at === end) return;
    const column = integer();
    const valueStart = at;
    let value = integer();
    while (at < end && isSpace(bytes[at]!)) at += 1;
    if (at < end || Number.isNaN(value)) value = Number(bytes.toString('latin1', valueStart, end).trim() || Number.NaN);

    const { rows, columns } = this.#size!;
    if (!(row >= 1 && row <= rows && column >= 1 && column <= columns) || Number.isNaN(value)) {
      throw this.#badLine(bytes.toString('latin1', start, end), `"row column value" within ${rows} x ${columns}`);
    }
    this.#entries += 1;
    this.#sink.entry(row - 1, column - 1, value);
  }

  #badLine(text: string, expected: string): Error {
    return invalidInput(
      `${this.#path}, line ${this.#lines}: found "${text.slice(0, 80)}", expected ${expected}`,
      'The file is damaged: copy or export it again.',
    );
  }
}

const isSpace = (byte: number): boolean => byte === 32 || byte === 9 || byte === 13;
const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
