import { type ErrorType, ObsmithError, type Problem } from '../errors.js';
import type { TaskName } from './definitions.js';

/** What a thread is started with. */
export interface ThreadData {
  /** Tasks to load the rooms of before they come. */
  readonly expects: readonly TaskName[];
}

/** Tasks of one name that a thread runs together; mostly it is one. */
export interface StartMessage {
  readonly name: TaskName;
  readonly members: readonly StartedMember[];
}

export interface StartedMember {
  readonly input: unknown;
  /** One Int32 that is set to 1 when the task should stop. */
  readonly cancelFlag: SharedArrayBuffer;
}

/** To a process that runs tasks: one at a time. */
export type ProcessMessage =
  | { readonly kind: 'start'; readonly name: TaskName; readonly input: unknown }
  | { readonly kind: 'cancel' };

/** From where a task runs. */
export type TaskMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: SerializedError };

/** From a thread: `member` is the position of the task among those that were started together. */
export type ThreadMessage = TaskMessage & { readonly member: number };

/** Error in a form that survives the way between threads; `structuredClone` drops own fields of errors. */
export interface SerializedError {
  readonly type: ErrorType;
  readonly message: string;
  readonly remedy: string;
  readonly problems: readonly Problem[];
  readonly batchSize?: number;
  readonly stack: string | undefined;
}

export function serializeError(error: unknown): SerializedError {
  if (error instanceof ObsmithError) {
    const { type, message, remedy, problems, batchSize, stack } = error;
    return { type, message, remedy, problems, stack, ...(batchSize === null ? {} : { batchSize }) };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return {
    type: 'Internal',
    message,
    remedy: 'This is a defect of Obsmith; please report it with the log.',
    problems: [],
    stack,
  };
}

export function deserializeError(fields: SerializedError): ObsmithError {
  const error = new ObsmithError(fields);
  if (fields.stack !== undefined) error.stack = fields.stack;
  return error;
}
