import type { ChildWorkflowHandle, SignalDefinition, Workflow } from '@temporalio/workflow';

type Message = (child: Pick<ChildWorkflowHandle<Workflow>, 'signal'>) => void;

/** A child that was asked for; messages wait until it has started. */
interface Member {
  child: Pick<ChildWorkflowHandle<Workflow>, 'signal'> | null;
  readonly waiting: Message[];
}

/** Children that are open, by name, so that what their parent is told can be passed on to them. */
export class OpenChildren<Name = string> {
  readonly #open = new Map<Name, Member>();

  /** Starts a child and gives its result. */
  async execute<Child extends Workflow>(
    name: Name,
    start: () => Promise<ChildWorkflowHandle<Child>>,
  ): Promise<Awaited<ReturnType<Child>>> {
    const member: Member = { child: null, waiting: [] };
    this.#open.set(name, member);
    try {
      const child = await start();
      member.child = child;
      for (const message of member.waiting) message(child);
      return (await child.result()) as Awaited<ReturnType<Child>>;
    } finally {
      this.#open.delete(name);
    }
  }

  /** Tells all children. */
  tell<Args extends [] | [unknown]>(signal: SignalDefinition<Args>, ...args: Args): void {
    for (const name of this.#open.keys()) this.tellOne(name, signal, ...args);
  }

  /** Tells one child, if it is open. */
  tellOne<Args extends [] | [unknown]>(name: Name, signal: SignalDefinition<Args>, ...args: Args): void {
    const member = this.#open.get(name);
    if (!member) return;
    const message: Message = (started) => {
      started.signal(signal as SignalDefinition, ...(args as [])).catch(() => {}); // It may just have closed.
    };
    if (member.child) message(member.child);
    else member.waiting.push(message);
  }
}
