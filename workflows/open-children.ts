import type { ChildWorkflowHandle, SignalDefinition, Workflow } from '@temporalio/workflow';

type Message = (child: Pick<ChildWorkflowHandle<Workflow>, 'signal'>) => void;

/** A child that was asked for; messages wait until it has started. */
interface Member {
  child: Pick<ChildWorkflowHandle<Workflow>, 'signal'> | null;
  readonly waiting: Message[];
}

/** Children that are open, so that what their parent is told can be passed on to all of them. */
export class OpenChildren {
  readonly #open = new Set<Member>();

  /** Starts a child and gives its result. */
  async execute<Child extends Workflow>(
    start: () => Promise<ChildWorkflowHandle<Child>>,
  ): Promise<Awaited<ReturnType<Child>>> {
    const member: Member = { child: null, waiting: [] };
    this.#open.add(member);
    try {
      const child = await start();
      member.child = child;
      for (const message of member.waiting) message(child);
      return (await child.result()) as Awaited<ReturnType<Child>>;
    } finally {
      this.#open.delete(member);
    }
  }

  tell<Args extends [] | [unknown]>(signal: SignalDefinition<Args>, ...args: Args): void {
    for (const { child, waiting } of this.#open) {
      const message: Message = (started) => {
        started.signal(signal as SignalDefinition, ...(args as [])).catch(() => {}); // It may just have closed.
      };
      if (child) message(child);
      else waiting.push(message);
    }
  }
}
