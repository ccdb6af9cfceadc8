import { setTimeout as sleep } from 'node:timers/promises';
import { loadPlan, plannedMethod } from '../plan/load-plan.js';
import type { PlannedMethod } from '../plan/types.js';
import { cancelled } from './cancelled.js';
import type { EmbedOutcome, TaskInput } from './definitions.js';
import { converse, type RunTask, type RunTaskMember, type RunTaskOptions, runTask, whileWaiting } from './run-task.js';
import { laneOf, takeThread } from './thread-lanes.js';
import { threadless } from './threadless.js';

/** Workflows start the methods of a chunk side by side; they arrive within so many milliseconds. */
const GATHER_MS = 25;

/** Passes that have not begun, by chunk. */
const gathering = new Map<string, Pass>();

/** Runs tasks as `runTask` does, and embeddings of one chunk joined. */
export const runJoined: RunTask = async (name, input, options) => {
  if (name !== 'embedChunk') return runTask(name, input, options);
  return (await embedJoined(input as EmbedInput, options)) as never;
};

type EmbedInput = TaskInput<'embedChunk'>;

/**
 * Embeds a chunk by one method, in one pass with other methods that read expression of it, and come at the same time or
 * while no thread is free. Each is cancelled, fails and ends for itself; one that comes later reads the rows again. Where
 * threads are idle, methods are divided among them: a second core is worth more than reading once.
 */
export async function embedJoined(input: EmbedInput, options: RunTaskOptions = {}): Promise<EmbedOutcome> {
  const { plan } = await loadPlan(input);
  const isAlone = plan.methods.filter(mayShare).length === 1;
  if (isAlone || !mayShare(plannedMethod(plan, input.method))) return runTask('embedChunk', input, options);
  const key = `${input.plan}/${input.chunk}`;
  const pass = gathering.get(key) ?? new Pass(() => gathering.delete(key));
  gathering.set(key, pass);
  return pass.join(input, options);
}

/** Counts and tokens are for graphs, which take far longer than reading and would keep the others waiting. */
const mayShare = ({ source }: PlannedMethod): boolean => source === 'expression';

interface Member extends RunTaskMember<'embedChunk'> {
  begin(end: Promise<EmbedOutcome>): void;
  fail(error: unknown): void;
}

/** Gathers methods until there is a thread for them. */
class Pass {
  readonly #members: Member[] = [];

  /** `close` is called when no more may join. */
  constructor(close: () => void) {
    void this.#run().finally(close);
  }

  /** @throws Cancelled where the signal aborts before the pass begins */
  join(input: EmbedInput, options: RunTaskOptions): Promise<EmbedOutcome> {
    const waiting = new Promise<{ end: Promise<EmbedOutcome> }>((resolve, reject) => {
      const leave = (): void => {
        this.#members.splice(this.#members.indexOf(member), 1);
        reject(cancelled());
      };
      const member: Member = {
        ...{ input, options, fail: reject },
        begin(end) {
          options.signal?.removeEventListener('abort', leave);
          resolve({ end });
        },
      };
      this.#members.push(member);
      if (options.signal?.aborted) leave();
      else options.signal?.addEventListener('abort', leave, { once: true });
    });
    return whileWaiting(waiting, options).then(({ end }) => end);
  }

  async #run(): Promise<void> {
    await sleep(GATHER_MS);
    try {
      while (this.#members.length > 0) await this.#embedSome();
    } catch (error) {
      for (const member of this.#members.splice(0)) member.fail(error);
    }
  }

  /** As many methods on the next thread that they take all threads which nobody else waits for. */
  async #embedSome(): Promise<void> {
    const thread = await takeThread('embedChunk');
    const lane = laneOf('embedChunk');
    const share = Math.max(1, Math.ceil(this.#members.length / (1 + lane.spare)));
    const members = this.#members.splice(0, share);
    if (members.length === 0) return lane.giveBack(thread, true);
    const ends = converse(thread, 'embedChunk', members);
    for (const [at, { begin }] of members.entries()) begin(ends[at]!);
    for (const joined of ends.slice(1)) threadless.during(joined).catch(() => {});
  }
}
