import { allHandlersFinished, workflowInfo } from '@temporalio/workflow';
import type { PlanResult } from '../activities/types.js';
import { CopiesAhead } from './copies-ahead.js';
import { type CarriedPass, EmbedPass } from './embed-pass.js';
import { type CarriedFits, RunFits } from './run-fits.js';
import { SharedWindow } from './shared-window.js';
import { settleAll } from './siblings.js';
import type { BatchReport, MethodScope, Wave } from './types.js';

export interface RunWorkOptions {
  readonly plan: PlanResult;
  readonly paused: boolean;
  /** Only methods that need preparation are run, and nothing is embedded. */
  readonly prepareOnly: boolean;
  onBatch(report: BatchReport): void;
  /** Something else is going on now. */
  onChange(): void;
  /** Where the run goes on in a new workflow run: what the one before knew. */
  readonly carried?: CarriedWork | undefined;
}

/** The work between two runs of its workflow: no child is open. */
export interface CarriedWork {
  readonly passes: Readonly<Record<Wave, CarriedPass>>;
  readonly fits: CarriedFits;
}

/** All that a run does with its chunks: two waves side by side, the fits that the second one waits for, copies meanwhile, and reruns. */
export class RunWork {
  readonly #plan: PlanResult;
  readonly #window: SharedWindow;
  readonly #passes: Readonly<Record<Wave, EmbedPass>>;
  readonly #fits: RunFits;
  readonly #copies: CopiesAhead;
  readonly #onChange: () => void;

  constructor({ plan, paused, prepareOnly, onBatch, onChange, carried }: RunWorkOptions) {
    this.#plan = plan;
    this.#onChange = onChange;
    const window = new SharedWindow(plan.maxOpenChunks);
    if (paused) window.pause();
    this.#window = window;
    const pass = (wave: Wave) => new EmbedPass({ plan, wave, window, onBatch, carried: carried?.passes[wave] });
    this.#passes = { unfitted: pass('unfitted'), fitted: pass('fitted') };
    this.#copies = new CopiesAhead(plan, paused);
    this.#fits = new RunFits({
      plan,
      isPaused: () => window.paused,
      onFitted: (methods) => {
        this.#copies.end();
        this.#begin('fitted', prepareOnly ? [] : methods);
      },
      onRefitted: (scope) => this.#restart('fitted', scope),
      carried: carried?.fits,
    });
    if (carried) {
      this.#copies.end();
      return;
    }
    const prepared = plan.methods.filter((method) => method.prepared).map(({ method }) => method);
    this.#passes.unfitted.begin(prepareOnly ? prepared : this.#methods('unfitted'));
    this.#fits.begin(this.#methods('fitted'));
  }

  get fits(): Pick<RunFits, 'failures' | 'underway'> {
    return this.#fits;
  }

  /** True while nothing but fits is to be waited for. */
  get isOnlyFitting(): boolean {
    return !this.#fits.isIdle && Object.values(this.#passes).every(({ isOnFirstWay }) => !isOnFirstWay);
  }

  /** Methods that were cancelled on all chunks but those that they were restarted on. */
  get stopped(): readonly string[] {
    return Object.values(this.#passes).flatMap(({ stopped }) => [...stopped]);
  }

  /** Chunks to compute again that no batch reports yet. */
  get waitingReruns(): number {
    return this.#passes.unfitted.waitingReruns + this.#passes.fitted.waitingReruns;
  }

  pause(): void {
    this.#window.pause();
    this.#fits.pause();
    this.#copies.pause();
  }

  resume(): void {
    this.#window.resume();
    this.#fits.resume();
    this.#copies.resume();
  }

  /** Stops methods on chunks that they are not done with. Fits are not changed by what is cancelled for some chunks. */
  stop({ methods, chunks }: MethodScope): void {
    for (const wave of WAVES) {
      const concerned = this.#methods(wave).filter((method) => methods.includes(method));
      if (concerned.length > 0) this.#passes[wave].stop({ methods: concerned, chunks });
    }
    if (chunks === null) this.#fits.stop(methods);
  }

  /** Computes methods again, after a fit where they have none. Gives the methods whose fit is made for it. */
  restart({ methods, chunks }: MethodScope): readonly string[] {
    const refit = this.#methods('fitted').filter((method) => methods.includes(method) && !this.#fits.isServed(method));
    for (const wave of WAVES) {
      const ready = this.#methods(wave).filter((method) => methods.includes(method) && !refit.includes(method));
      if (ready.length > 0) this.#restart(wave, { methods: ready, chunks });
    }
    if (refit.length > 0) this.#fits.refit({ methods: refit, chunks });
    return refit;
  }

  /**
   * Works until all is done and no message is being handled that may bring more. False where the history of this workflow
   * run has become long before that: then no child is open, and a new workflow run can go on with what `carry` gives.
   */
  async finish(): Promise<boolean> {
    const { unfitted, fitted } = this.#passes;
    const lanes = [unfitted, fitted, this.#fits, this.#copies];
    const isDone = (): boolean => lanes.every(({ isIdle }) => isIdle) && allHandlersFinished();
    // A fit may take long, and only waits for the other wave if that goes on meanwhile.
    const isHeld = (): boolean => workflowInfo().continueAsNewSuggested && !this.#fits.isOpen;
    const isDrained = (): boolean => isHeld() && lanes.every(({ isOpen }) => !isOpen) && allHandlersFinished();
    const isOver = (): boolean => isDone() || isDrained();
    await settleAll(lanes.map((lane) => lane.serve(isOver, isHeld)));
    return isDone();
  }

  carry(): CarriedWork {
    const { unfitted, fitted } = this.#passes;
    return { passes: { unfitted: unfitted.carry(), fitted: fitted.carry() }, fits: this.#fits.carry() };
  }

  #begin(wave: Wave, methods: readonly string[]): void {
    this.#passes[wave].begin(methods);
    this.#onChange();
  }

  #restart(wave: Wave, scope: MethodScope): void {
    this.#passes[wave].restart(scope);
    this.#onChange();
  }

  #methods(wave: Wave): readonly string[] {
    return this.#plan.methods.filter(({ fitted }) => fitted === (wave === 'fitted')).map(({ method }) => method);
  }
}

const WAVES = ['unfitted', 'fitted'] as const;
