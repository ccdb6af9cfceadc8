import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { type DestinationStream, type Logger, pino } from 'pino';
import { LogFiles } from '../core/dataset/run-logs.js';
import { isObsmithError } from '../core/errors.js';
import { type LogPlace, type PlannedSubject, subjectOf } from './subject.js';

/** Field of the SDK's lines that names the file of a line; the SDK passes on only fields with names. */
export const PLACE_FIELD = 'logPlace';
/** Field of the lines of workflows that says what they are about; see workflows/log-subject.ts. */
const SUBJECT_FIELD = 'logSubject';
/** Carries it past pino, which would write it. */
const LOG_PLACE = Symbol('log place');

/** What the SDK adds to lines that nobody reads. */
const UNWANTED = new Set(['taskToken', 'isLocal', 'namespace', 'sdkComponent', PLACE_FIELD, SUBJECT_FIELD]);
/** The SDK's names of fields, and ours. */
const RENAMED: Readonly<Record<string, string>> = { workflowRunId: 'runId', activityType: 'activity' };

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Logs of a worker: JSON lines on stderr, and those about a run also in its folder. */
export class WorkerLog {
  readonly logger: Logger;
  readonly files: LogFiles;
  /** Lines of workflows that wait until their subject is found. */
  readonly #waiting = new Set<Promise<void>>();
  /** When the SDK's line at hand was said: it keeps lines back for a moment, to sort them. */
  #saidAt: number | null = null;

  constructor(level: string, stderr: DestinationStream = pino.destination(2)) {
    this.files = new LogFiles((folder, error) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.warn(
        { folder },
        `Logs of a run cannot be written to its folder, the work goes on without: ${reason}`,
      );
    });
    this.logger = pino(
      {
        name: 'obsmith',
        level,
        errorKey: 'error',
        serializers: { error: errorFields },
        timestamp: () => `,"time":"${new Date(this.#saidAt ?? Date.now()).toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      new LineSplitter(stderr, this.files),
    );
  }

  /** Takes the lines of the SDK, and with them those of activities and workflows. */
  forTemporal(): DefaultLogger {
    return new DefaultLogger('TRACE', (entry) => {
      const subject = entry.meta?.[SUBJECT_FIELD] as PlannedSubject | undefined;
      const level = entry.level.toLowerCase() as Level;
      if (subject === undefined) this.#say(level, entry);
      else if (this.logger.isLevelEnabled(level)) this.#sayAbout(subject, level, entry);
    });
  }

  /** Waits for all lines that were said until now. */
  async flush(): Promise<void> {
    await Promise.all(this.#waiting);
    await this.files.flush();
  }

  #sayAbout(subject: PlannedSubject, level: Level, entry: LogEntry): void {
    const line = subjectOf('workflow', subject).then(({ chunk, log }) => {
      const meta = { ...entry.meta, ...(chunk === undefined ? {} : { chunk }), [PLACE_FIELD]: log };
      this.#say(level, { ...entry, meta });
      this.#waiting.delete(line);
    });
    this.#waiting.add(line);
  }

  #say(level: Level, { message, meta, timestampNanos }: LogEntry): void {
    this.#saidAt = Number(timestampNanos / 1_000_000n);
    this.logger[level](fieldsOf(meta ?? {}), message);
    this.#saidAt = null;
  }
}

/** pino tells a stream with this mark what it is about to write. */
const WANTS_METADATA = Symbol.for('pino.metadata');

class LineSplitter implements DestinationStream {
  readonly [WANTS_METADATA] = true;
  /** Set by pino before each line. */
  lastObj: { readonly [LOG_PLACE]?: LogPlace } | null = null;
  readonly #stderr: DestinationStream;
  readonly #files: LogFiles;

  constructor(stderr: DestinationStream, files: LogFiles) {
    this.#stderr = stderr;
    this.#files = files;
  }

  write(line: string): void {
    this.#stderr.write(line);
    const place = this.lastObj?.[LOG_PLACE];
    if (place) this.#files.append(place.folder, place.file, line);
  }
}

function fieldsOf(meta: Readonly<Record<string, unknown>>): Record<string | symbol, unknown> {
  const fields: Record<string | symbol, unknown> = {};
  for (const [name, value] of Object.entries(meta)) {
    if (!UNWANTED.has(name)) fields[RENAMED[name] ?? name] = value;
  }
  fields[LOG_PLACE] = meta[PLACE_FIELD] ?? undefined;
  return fields;
}

/** Errors by their stable type; the stack of those that are defects. */
export function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { message, stack } = error;
  if (error instanceof ApplicationFailure) {
    const { type, nonRetryable } = error;
    return { type: type ?? 'Internal', message, retryable: !nonRetryable, ...(type === 'Internal' ? { stack } : {}) };
  }
  if (isObsmithError(error)) return { type: error.type, message, retryable: error.retryable };
  return { type: error.name, message, stack };
}
