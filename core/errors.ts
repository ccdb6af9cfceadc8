/**
 * Stable error types. They cross thread, process and Temporal boundaries by name, decide who retries,
 * and are what users and scripts match on; never rename one.
 */
export type ErrorType =
  | 'InvalidInput'
  | 'InvalidConfig'
  | 'MissingModel'
  | 'InsufficientSpace'
  | 'LeaseHeld'
  | 'StoreUnavailable'
  | 'CudaOutOfMemory'
  | 'CudaDeviceError'
  | 'Cancelled'
  | 'Internal';

/** Types that a later attempt may heal; all others fail at once. */
const RETRYABLE: ReadonlySet<ErrorType> = new Set(['StoreUnavailable', 'CudaDeviceError', 'Internal']);

/** One thing that is wrong: where it is, what was expected and found, and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly remedy: string;
  /** File, array or configuration key, relative to the base folder where there is one. */
  readonly where?: string;
  /** Line in a configuration file, from 1. */
  readonly line?: number;
}

export interface ErrorFields {
  readonly type: ErrorType;
  readonly message: string;
  readonly remedy: string;
  readonly problems?: readonly Problem[];
  /** True where a whole run was refused, so that nothing was started. */
  readonly refusal?: boolean;
  /** Cells per batch that did not fit into the memory of a device. */
  readonly batchSize?: number;
  readonly cause?: unknown;
}

/** The only error that Obsmith throws on purpose. `message` says what was expected and found, `remedy` what to do. */
export class ObsmithError extends Error {
  readonly type: ErrorType;
  readonly remedy: string;
  /** All problems where several were found together. */
  readonly problems: readonly Problem[];
  /** True where a whole run was refused, so that nothing was started. */
  readonly refusal: boolean;
  /** Cells per batch that did not fit into the memory of a device; null for other errors. */
  readonly batchSize: number | null;

  constructor(fields: ErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'ObsmithError';
    this.type = fields.type;
    this.remedy = fields.remedy;
    this.problems = fields.problems ?? [];
    this.refusal = fields.refusal ?? false;
    this.batchSize = fields.batchSize ?? null;
  }

  get retryable(): boolean {
    return RETRYABLE.has(this.type);
  }
}

/** Guard that also holds for errors which came through `structuredClone` and lost their class. */
export function isObsmithError(error: unknown): error is ObsmithError {
  return error instanceof Error && 'type' in error && 'remedy' in error;
}

/** The same error as the refusal of a whole run; errors that may heal stay what they are. */
export function asRefusal(error: unknown): unknown {
  if (!isObsmithError(error) || error.retryable || error.type === 'Cancelled') return error;
  const { type, message, remedy, problems } = error;
  return new ObsmithError({ type, message, remedy, problems, refusal: true, cause: error });
}

/** A problem or an error as one text, where there is room for nothing else: message and remedy as sentences. */
export function withRemedy({ message, remedy }: Pick<Problem, 'message' | 'remedy'>): string {
  return `${message.replace(/\.?$/, '.')} ${remedy}`;
}

export function invalidInput(message: string, remedy: string, cause?: unknown): ObsmithError {
  return new ObsmithError({ type: 'InvalidInput', message, remedy, cause });
}

export function invalidConfig(message: string, remedy: string, problems?: readonly Problem[]): ObsmithError {
  return new ObsmithError({ type: 'InvalidConfig', message, remedy, ...(problems ? { problems } : {}) });
}

const STORE_ERRNO: ReadonlySet<string> = new Set([
  'ESTALE',
  'EIO',
  'EBUSY',
  'EAGAIN',
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'EINTR',
  'ENOTCONN',
  'EREMOTEIO',
]);

/**
 * Maps an errno error of a file system that may heal (full, read-only, not reachable) to StoreUnavailable. Other errors pass
 * through.
 */
export function fromUnavailableStore(error: unknown, path?: string): unknown {
  const code = errnoOf(error);
  if (code === null || !STORE_ERRNO.has(code)) return error;
  const { message } = error as Error;
  const remedy =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'Free space on that file system; the work goes on from its last checkpoint.'
      : 'Check the file system; the work is retried and goes on from its last checkpoint.';
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: path === undefined ? message : `${code} at ${path}: ${message}`,
    remedy,
    cause: error,
  });
}

/** Maps an errno error of the file system to StoreUnavailable (may heal) or InvalidInput (will not). Other errors pass through. */
export function fromSystemError(error: unknown, path: string): unknown {
  const code = errnoOf(error);
  if (code === 'ENOENT')
    return invalidInput(`Input file not found: ${path}`, 'Check the path and that earlier steps wrote it.', error);
  if (code === 'EACCES' || code === 'EPERM') {
    return invalidInput(
      `No permission to access ${path} (${code})`,
      `Give the user that runs the worker access, e.g. chmod -R u+rwX ${path}`,
      error,
    );
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return invalidInput(
      `Expected a folder, found a file: ${path}`,
      'Name another folder, or move the file away.',
      error,
    );
  }
  return fromUnavailableStore(error, path);
}

/** The error of the file system that is at the bottom of an error, where it denies a permission. */
export function deniedIn(error: unknown): NodeJS.ErrnoException | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' ? error : deniedIn(error.cause);
}

function errnoOf(error: unknown): string | null {
  return !isObsmithError(error) && error instanceof Error && 'code' in error ? String(error.code) : null;
}
