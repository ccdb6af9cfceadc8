import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { LoadedPlan } from '../plan/load-plan.js';

/** Steps of a run, each with a folder of logs, as adata_hf_datasets names them. */
export const LOG_SECTIONS = ['embedding_prepare', 'embedding_cpu', 'embedding_gpu'] as const;
export type LogSection = (typeof LOG_SECTIONS)[number];

/** What belongs to no single chunk: planning, fits, the end. */
export const RUN_LOG = 'run.log';
/** First error of each failed chunk. */
export const ERRORS_LOG = 'errors_consolidated.log';
export const SUMMARY_FILE = 'summary.json';

export const chunkLog = (section: LogSection, chunk: string): string => join(section, `${chunk}.log`);

/** Absolute folder of a run's logs as this machine sees it; null for a plan that no workflow made. */
export const logsOf = ({ base, plan }: LoadedPlan): string | null => (plan.run ? resolve(base, plan.run.logs) : null);

/** Lines that may wait for a file system that hangs; further ones are dropped. */
const MOST_WAITING = 10_000;

/**
 * Appends lines to files. Several processes may append to one file, since each line is one write at the end of the file.
 * Nothing here fails or waits: a folder that cannot be written is reported once, and its lines are lost.
 */
export class LogFiles {
  readonly #report: (folder: string, error: unknown) => void;
  readonly #failed = new Set<string>();
  /** The last write to each file: lines of one file keep their order. */
  readonly #writing = new Map<string, Promise<void>>();
  #waiting = 0;

  constructor(report: (folder: string, error: unknown) => void) {
    this.#report = report;
  }

  /** `file` is relative to `folder`, the run's folder of logs. */
  append(folder: string, file: string, line: string): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#fail(folder, new Error(`more than ${MOST_WAITING} lines wait to be written`));
      return;
    }
    const path = join(folder, file);
    this.#waiting++;
    const before = this.#writing.get(path) ?? Promise.resolve();
    const writing = before
      .then(() => appendLine(path, line))
      .catch((error: unknown) => this.#fail(folder, error))
      .finally(() => {
        this.#waiting--;
        if (this.#writing.get(path) === writing) this.#writing.delete(path);
      });
    this.#writing.set(path, writing);
  }

  /** Waits for the lines that were appended until now. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  #fail(folder: string, error: unknown): void {
    if (this.#failed.has(folder)) return;
    this.#failed.add(folder);
    this.#report(folder, error);
  }
}

async function appendLine(path: string, line: string): Promise<void> {
  try {
    await appendFile(path, line);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, line);
  }
}
