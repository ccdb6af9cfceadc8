/** Given to every long core function: how it tells progress and learns that it should stop. */
export interface TaskContext {
  /** Cells (or bytes, where the function says so) done of total. Cheap; call it per row block. */
  progress(done: number, total: number): void;
  /** Throws an ObsmithError of type Cancelled once the task was cancelled; call it per row block. */
  checkCancelled(): void;
}

/** For tests and one-off calls. */
export const QUIET: TaskContext = { progress() {}, checkCancelled() {} };
