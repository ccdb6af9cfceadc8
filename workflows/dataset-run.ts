import { ApplicationFailure, CancellationScope, upsertMemo } from '@temporalio/workflow';
import type { PlanResult } from '../activities/types.js';
import { light } from './activity-options.js';
import { Companions } from './companions.js';
import { logAbout } from './log-subject.js';
import { RunDisplay } from './run-display.js';
import { type CarriedProgress, RunProgress } from './run-progress.js';
import { type CarriedWork, RunWork } from './run-work.js';
import type { BatchReport, ChunkReport, PlanLocation, RunRequest, RunTotals, Stage } from './types.js';

/** What a new workflow run needs to go on with a run whose history has become long. */
export interface CarriedRun {
  readonly plan: PlanResult;
  /** Workflow time in milliseconds at which the run began. */
  readonly started: number;
  readonly work: CarriedWork;
  readonly progress: CarriedProgress;
}

/** State of one run of `embedDataset`, from its plan to its totals. */
export class DatasetRun {
  readonly request: RunRequest;
  readonly progress = new RunProgress();
  readonly #display = new RunDisplay(this.progress);
  readonly #started: number;
  #plan: PlanResult | null = null;
  #work: RunWork | null = null;
  #companions!: Companions;
  #isEnding = false;
  #leaseLoss: unknown = null;

  constructor(request: RunRequest, carried?: CarriedRun) {
    this.request = request;
    this.#started = carried?.started ?? Date.now();
    if (carried) this.#goOn(carried);
  }

  /** Null until planning is done. */
  get plan(): PlanResult | null {
    return this.#plan;
  }

  /** Null until work is about to begin. */
  get work(): RunWork | null {
    return this.#work;
  }

  get location(): PlanLocation {
    return { base: this.#plan!.base, plan: this.#plan!.plan };
  }

  /** Plan and preparation only: nothing is embedded. */
  get isPrepareOnly(): boolean {
    return this.request.prepareOnly === true || this.request.section === 'embedding_preparation';
  }

  /** True from where nothing can be added any more. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Refuses what makes no sense before anything is started. */
  async prepare(): Promise<void> {
    const plan = await light.planRun(this.request);
    this.#plan = plan;
    logAbout(plan);
    await light.acquireLease({ ...this.location, dataset: plan.dataset });
    if (plan.searchAttributes) this.#display.describeWith(plan);
    this.progress.planned(plan, Date.now());
    this.#work = this.#workOn(plan);
    this.show();
  }

  /**
   * Embeds everything, and what is asked for meanwhile; only a cancellation and a lost lease are thrown. False where a new
   * workflow run has to go on with `carry`, since the history of this one has become long. The lease is held on for it:
   * both runs are one owner.
   */
  async embed(): Promise<boolean> {
    const { dataset, methods } = this.#plan!;
    const work = new CancellationScope();
    const embedding = this.isPrepareOnly ? [] : methods.map(({ queue }) => queue);
    const queues = [...new Set(['cpu' as const, ...embedding])];
    this.#companions = new Companions({ ...this.location, dataset }, queues, (error) => {
      this.#leaseLoss = error;
      work.cancel();
    });
    let isDone: boolean;
    try {
      isDone = await work.run(() => this.#work!.finish());
    } catch (error) {
      throw this.#leaseLoss ?? error;
    } finally {
      this.#isEnding = true;
    }
    // Another run holds the data set: nothing more may be written.
    if (this.#leaseLoss) throw this.#leaseLoss;
    return isDone;
  }

  carry(): CarriedRun {
    const [plan, work] = [this.#plan!, this.#work!];
    return { plan, started: this.#started, work: work.carry(), progress: this.progress.carry() };
  }

  /** Records what was done and ends the run: with its totals, as failed with them as details, or as cancelled. */
  async finish(cancellation: unknown): Promise<RunTotals> {
    this.#enter('finalizing');
    const cancelled = cancellation !== null;
    const outcome = await light.finalizeRun({
      ...{ ...this.location, cancelled, fitFailures: this.#work!.fits.failures },
      cancelledMethods: this.#work!.stopped,
    });
    const totals: RunTotals = { ...outcome, ...this.location, seconds: (Date.now() - this.#started) / 1000 };
    await this.#companions.stop();
    this.progress.ended(totals);
    this.#enter(totals.status);
    if (cancelled) {
      upsertMemo({ totals: { ...totals, failures: [] } });
      throw cancellation;
    }
    if (totals.status === 'failed') throw runFailed(totals);
    return totals;
  }

  addBatch(report: BatchReport): void {
    this.progress.addBatch(report);
    this.show();
  }

  addChunk(report: ChunkReport): void {
    this.progress.addChunk(report);
    this.show();
  }

  setWaitingFor(workers: readonly string[]): void {
    this.progress.waitingFor = workers;
    this.show();
  }

  /** Brings progress and what the UI shows up to date. */
  show(): void {
    const { progress } = this;
    if (this.#work) {
      const { fits, stopped, waitingReruns, isOnlyFitting } = this.#work;
      progress.fitting = fits.underway;
      progress.fitFailures = fits.failures;
      progress.cancelled = new Set(stopped);
      progress.waitingReruns = waitingReruns;
      const working = this.isPrepareOnly ? 'preparing' : 'embedding';
      if (!this.#isEnding) progress.stage = isOnlyFitting ? 'fitting' : working;
    }
    this.#display.update();
  }

  #goOn({ plan, work, progress }: CarriedRun): void {
    this.#plan = plan;
    logAbout(plan);
    if (plan.searchAttributes) this.#display.describeWith(plan);
    this.progress.resume(plan, progress);
    this.#work = this.#workOn(plan, work);
    this.show();
  }

  #workOn(plan: PlanResult, carried?: CarriedWork): RunWork {
    return new RunWork({
      plan,
      paused: this.progress.paused,
      prepareOnly: this.isPrepareOnly,
      onBatch: (report) => this.addBatch(report),
      onChange: () => this.show(),
      carried,
    });
  }

  #enter(stage: Stage): void {
    this.progress.stage = stage;
    this.show();
  }
}

function runFailed(totals: RunTotals): ApplicationFailure {
  const { failed, total } = totals.chunks;
  const [first] = totals.failures;
  const reason = first ? ` First failure: ${first.chunk} ${first.method}: ${first.type}: ${first.message}` : '';
  return ApplicationFailure.create({
    type: 'RunFailed',
    nonRetryable: true,
    message: `${failed} of ${total} chunks failed.${reason}`,
    details: [totals],
  });
}
