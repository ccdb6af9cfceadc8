import picocolors from 'picocolors';

/** What the terminal needs of a stream; process.stdout and process.stderr fit, and so does a test's array. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Everything a command gets from the process that started it. */
export interface Host {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

export type Colours = ReturnType<typeof picocolors.createColors>;

const PLAIN_WIDTH = 100;
const CLEAR_LINE = '\r\u001b[2K';

/** The terminal of this process, for scripts that nothing interrupts but the end of the process. */
export function processTerminal(json: boolean): Terminal {
  const { stdout, stderr, env } = process;
  return new Terminal({ stdout, stderr, env, cwd: process.cwd(), signal: new AbortController().signal }, json);
}

/**
 * Output for people: results on stdout, logs and progress on stderr. With `--json` stdout is left to the one document.
 * Colour only where the stream is a terminal and NO_COLOR is not set.
 */
export class Terminal {
  readonly json: boolean;
  /** Colours of stdout. */
  readonly colours: Colours;
  /** Colours of stderr. */
  readonly logColours: Colours;
  readonly #host: Host;
  #liveLine = '';

  constructor(host: Host, json: boolean) {
    this.#host = host;
    this.json = json;
    this.colours = picocolors.createColors(hasColour(host.stdout, host.env));
    this.logColours = picocolors.createColors(hasColour(host.stderr, host.env));
  }

  /** Columns of stdout; tables shrink to it only on a terminal. */
  get width(): number {
    return this.#host.stdout.columns ?? PLAIN_WIDTH;
  }

  /** True where a progress line can be redrawn in place. */
  get live(): boolean {
    return this.#host.stderr.isTTY === true && this.#host.env.TERM !== 'dumb';
  }

  get logWidth(): number {
    return this.#host.stderr.columns ?? PLAIN_WIDTH;
  }

  /** One or more lines of the result on stdout; nothing with `--json`. */
  print(text = ''): void {
    if (this.json) return;
    this.#around(() => this.#host.stdout.write(`${text}\n`));
  }

  /** The one document of `--json`. */
  printDocument(document: unknown): void {
    this.#host.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }

  /** One line for people on stderr, above the progress line if one is shown. */
  log(text: string): void {
    this.#around(() => this.#host.stderr.write(`${text}\n`));
  }

  /** Draws the live line anew; an empty text removes it. Only where `live`. */
  drawLive(text: string): void {
    if (text === this.#liveLine) return;
    this.#liveLine = text;
    this.#host.stderr.write(`${CLEAR_LINE}${text}`);
  }

  #around(write: () => void): void {
    const line = this.#liveLine;
    this.drawLive('');
    write();
    this.drawLive(line);
  }
}

function hasColour(stream: Output, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}
