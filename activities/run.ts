import type { TaskInput, TaskName, TaskOutput } from '../core/tasks/definitions.js';
import { runTask } from '../core/tasks/run-task.js';
import { withHeartbeats } from './heartbeats.js';

/** A task as an activity: in a thread, with heartbeats. */
export const run = <N extends TaskName>(name: N, input: TaskInput<N>): Promise<TaskOutput<N>> =>
  withHeartbeats((beat) => runTask(name, input, beat));
