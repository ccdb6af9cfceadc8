import { startChild, workflowInfo } from '@temporalio/workflow';
import { summarizeError } from './failures.js';
import { fitRounds } from './fit-rounds.js';
import { pauseSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import { OpenChildren } from './open-children.js';
import { isolate } from './siblings.js';
import type { ErrorSummary, FitFailures, MethodScope, PlanOverview } from './types.js';
import { Window } from './window.js';

export interface RunFitsOptions {
  readonly plan: PlanOverview;
  isPaused(): boolean;
  /** The fit that every run begins with has ended: these methods have one. */
  onFitted(methods: readonly string[]): void;
  /** A fit that was made for a rerun has ended: its arrays can be computed. */
  onRefitted(scope: MethodScope): void;
  /** Where the run goes on in a new workflow run: what the one before knew. */
  readonly carried?: CarriedFits | undefined;
}

/** Fits between two runs of their workflow: none is being made. */
export interface CarriedFits {
  readonly failures: FitFailures;
  readonly fitted: readonly string[];
  readonly queue: readonly FitWork[];
  readonly refits: number;
}

/** One way through the rounds, for all fitted methods (null) or for those that a rerun found without a fit. */
interface FitWork {
  methods: readonly string[];
  readonly rerun: MethodScope | null;
}

/** The data-set-wide fits of a run, one after the other: they read the same chunks. */
export class RunFits {
  /** Methods whose last fit failed, and why. */
  readonly failures: Record<string, ErrorSummary>;
  readonly #options: RunFitsOptions;
  readonly #children = new OpenChildren();
  readonly #fitted: Set<string>;
  readonly #stopped = new Set<string>();
  readonly #queue: FitWork[];
  #open: FitWork | null = null;
  #refits: number;

  constructor(options: RunFitsOptions) {
    const { failures, fitted, queue, refits } = options.carried ?? { failures: {}, fitted: [], queue: [], refits: 0 };
    this.#options = options;
    this.failures = { ...failures };
    this.#fitted = new Set(fitted);
    this.#queue = [...queue];
    this.#refits = refits;
  }

  carry(): CarriedFits {
    return {
      ...{ failures: this.failures, fitted: [...this.#fitted], queue: this.#queue, refits: this.#refits },
    };
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  get isIdle(): boolean {
    return this.#open === null && this.#queue.length === 0;
  }

  /** Methods that a fit is made or waited for. */
  get underway(): ReadonlySet<string> {
    return new Set([this.#open, ...this.#queue].flatMap((work) => work?.methods ?? []));
  }

  /** True where a method has a fit, or will have one without being asked for again. */
  isServed(method: string): boolean {
    return this.#fitted.has(method) || this.underway.has(method);
  }

  /** From here on `serve` makes the fit of these methods. */
  begin(methods: readonly string[]): void {
    this.#queue.push({ methods, rerun: null });
  }

  /** Fits methods that have no fit because theirs failed or was stopped, and reports it for the arrays of `rerun`. */
  refit(rerun: MethodScope): void {
    for (const method of rerun.methods) this.#stopped.delete(method);
    this.#queue.push({ methods: rerun.methods, rerun });
  }

  pause(): void {
    this.#children.tell(pauseSignal);
  }

  resume(): void {
    this.#children.tell(resumeSignal);
  }

  /** Ends fits of methods that nobody needs any more; what is fitted stays. */
  stop(methods: readonly string[]): void {
    for (const method of methods) this.#stopped.add(method);
    for (const work of this.#queue) work.methods = this.#wanted(work);
    if (this.#open) this.#open.methods = this.#wanted(this.#open);
    this.#children.tell(stopMethodsSignal, { methods, chunks: null });
  }

  /** Works until `isOver`; begins no fit while `isHeld`. */
  async serve(isOver: () => boolean, isHeld: () => boolean): Promise<void> {
    const source = {
      hasNext: () => this.#queue.length > 0 && !isHeld(),
      next: () => {
        this.#open = this.#queue.shift()!;
        return this.#open;
      },
    };
    await new Window(1).drain(source, (work) => this.#fit(work), isOver);
  }

  async #fit(work: FitWork): Promise<void> {
    const { methods, rerun } = work;
    let failed: FitFailures = {};
    if (methods.length > 0) {
      await isolate(
        async () => {
          failed = await this.#execute(methods, rerun !== null);
        },
        (error) => {
          failed = Object.fromEntries(methods.map((method) => [method, summarizeError(error)]));
        },
      );
    }
    this.#open = null;
    Object.assign(this.failures, failed);
    const fitted = work.methods.filter((method) => !(method in failed));
    for (const method of fitted) {
      this.#fitted.add(method);
      // Chunks that no rerun names stay without arrays for the reason that the first fit had.
      if (rerun?.chunks === null) delete this.failures[method];
    }
    if (rerun === null) this.#options.onFitted(fitted);
    else if (fitted.length > 0) this.#options.onRefitted({ ...rerun, methods: fitted });
  }

  #execute(methods: readonly string[], isRerun: boolean) {
    const { plan, isPaused } = this.#options;
    const { fitChunkCount: chunks, maxOpenChunks: window } = plan;
    const location = { base: plan.base, plan: plan.plan };
    const id = `${workflowInfo().workflowId}/fit`;
    return this.#children.execute(id, () =>
      startChild(fitRounds, {
        workflowId: isRerun ? `${id}/rerun-${++this.#refits}` : id,
        args: [{ location, methods, chunks, window, paused: isPaused() }],
        staticSummary: `statistics of ${methods.join(', ')} over ${chunks} chunks`,
      }),
    );
  }

  #wanted({ methods }: FitWork): readonly string[] {
    return methods.filter((method) => !this.#stopped.has(method));
  }
}
