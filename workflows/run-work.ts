import { allHandlersFinished } from '@temporalio/workflow';
import type { PlanResult } from '../activities/types.js';
import { EmbedPass } from './embed-pass.js';
import { RunFits } from './run-fits.js';
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
}

/** All that a run does with its chunks: two waves side by side, the fits that the second one waits for, and reruns. */
export class RunWork {
  readonly #plan: PlanResult;
  readonly #window: SharedWindow;
  readonly #passes: Readonly<Record<Wave, EmbedPass>>;
  readonly #fits: RunFits;
  readonly #onChange: () => void;

  constructor({ plan, paused, prepareOnly, onBatch, onChange }: RunWorkOptions) {
    this.#plan = plan;
    this.#onChange = onChange;
    const window = new SharedWindow(plan.maxOpenChunks);
    if (paused) window.pause();
    this.#window = window;
    const pass = (wave: Wave) => new EmbedPass({ plan, wave, window, onBatch });
    this.#passes = { unfitted: pass('unfitted'), fitted: pass('fitted') };
    this.#fits = new RunFits({
      plan,
      isPaused: () => window.paused,
      onFitted: (methods) => this.#begin('fitted', prepareOnly ? [] : methods),
      onRefitted: (scope) => this.#restart('fitted', scope),
    });
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
  }

  resume(): void {
    this.#window.resume();
    this.#fits.resume();
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

  /** Works until all is done and no message is being handled that may bring more. */
  async finish(): Promise<void> {
    const isOver = (): boolean =>
      this.#fits.isIdle && WAVES.every((wave) => this.#passes[wave].isIdle) && allHandlersFinished();
    const { unfitted, fitted } = this.#passes;
    await settleAll([unfitted.serve(isOver), fitted.serve(isOver), this.#fits.serve(isOver)]);
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
