import {
  ApplicationFailure,
  CancellationScope,
  executeChild,
  setCurrentDetails,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { PlanResult } from '../activities/types.js';
import { light } from './activity-options.js';
import { Companions } from './companions.js';
import { embedWave } from './embed-wave.js';
import { summarizeError } from './failures.js';
import { fitRounds } from './fit-rounds.js';
import { describeProgress } from './progress-markdown.js';
import { RunProgress } from './run-progress.js';
import { DATASET_KEY, METHODS_KEY, STAGE_KEY } from './search-attribute-keys.js';
import { SharedWindow } from './shared-window.js';
import { isolate, settleAll } from './siblings.js';
import type {
  BatchReport,
  ChunkReport,
  FitFailures,
  PlanLocation,
  Progress,
  RunRequest,
  RunTotals,
  Wave,
} from './types.js';

/** State of one run of `embedDataset`. */
export class DatasetRun {
  readonly #request: RunRequest;
  readonly #started = Date.now();
  readonly #progress = new RunProgress();
  #plan!: PlanResult;
  #window!: SharedWindow;
  #companions!: Companions;
  #fitFailures: FitFailures = {};
  #leaseLoss: unknown = null;
  #shownStage: Progress['stage'] = 'planning';

  constructor(request: RunRequest) {
    this.#request = request;
  }

  /** Refuses what makes no sense before anything is started. */
  async plan(): Promise<void> {
    this.#plan = await light.planRun(this.#request);
    const { dataset, methods, maxOpenChunks } = this.#plan;
    this.#window = new SharedWindow(maxOpenChunks);
    if (this.#progress.paused) this.#window.pause();
    await light.acquireLease({ ...this.#location, dataset });
    if (this.#plan.searchAttributes) {
      upsertSearchAttributes([
        { key: DATASET_KEY, value: dataset },
        { key: METHODS_KEY, value: methods.map(({ method }) => method) },
      ]);
    }
    this.#progress.planned(this.#plan, Date.now());
    this.#show();
  }

  /** Embeds everything; only a cancellation and a lost lease are thrown. */
  async embed(): Promise<void> {
    const work = new CancellationScope();
    const lease = { ...this.#location, dataset: this.#plan.dataset };
    const queues = [...new Set(['cpu' as const, ...this.#plan.methods.map(({ queue }) => queue)])];
    this.#companions = new Companions(lease, queues, (error) => {
      this.#leaseLoss = error;
      work.cancel();
    });
    try {
      await work.run(() => settleAll([this.#unfittedWave(), this.#fittedWave()]));
    } catch (error) {
      throw this.#leaseLoss ?? error;
    }
    // Another run holds the data set: nothing more may be written.
    if (this.#leaseLoss) throw this.#leaseLoss;
  }

  /** Records what was done and ends the run: with its totals, as failed with them as details, or as cancelled. */
  async finish(cancellation: unknown): Promise<RunTotals> {
    this.#enter('finalizing');
    const cancelled = cancellation !== null;
    const outcome = await light.finalizeRun({ ...this.#location, cancelled, fitFailures: this.#fitFailures });
    const totals: RunTotals = { ...outcome, ...this.#location, seconds: (Date.now() - this.#started) / 1000 };
    await this.#companions.stop();
    this.#progress.ended(totals);
    this.#enter(totals.status);
    if (cancelled) {
      upsertMemo({ totals: { ...totals, failures: [] } });
      throw cancellation;
    }
    if (totals.status === 'failed') throw runFailed(totals);
    return totals;
  }

  progress(): Progress {
    return this.#progress.answer(Date.now());
  }

  pause(): void {
    this.#progress.paused = true;
    this.#window?.pause();
    this.#show();
  }

  resume(): void {
    this.#progress.paused = false;
    this.#window?.resume();
    this.#show();
  }

  addBatch(report: BatchReport): void {
    this.#progress.addBatch(report);
    this.#show();
  }

  addChunk(report: ChunkReport): void {
    this.#progress.addChunk(report);
    this.#show();
  }

  setWaitingFor(workers: readonly string[]): void {
    this.#progress.waitingFor = workers;
    this.#show();
  }

  get #location(): PlanLocation {
    return { base: this.#plan.base, plan: this.#plan.plan };
  }

  async #unfittedWave(): Promise<void> {
    await this.#wave('unfitted');
    this.#progress.onlyFitLeft();
    this.#show();
  }

  async #fittedWave(): Promise<void> {
    const methods = this.#plan.methods.filter(({ fitted }) => fitted).map(({ method }) => method);
    if (methods.length === 0) return;
    this.#fitFailures = await this.#fit(methods);
    this.#progress.fitted(this.#fitFailures);
    this.#show();
    await this.#wave('fitted');
  }

  async #fit(methods: readonly string[]): Promise<FitFailures> {
    const { fitChunkCount: chunks, maxOpenChunks: window } = this.#plan;
    let failures: FitFailures = {};
    await isolate(
      async () => {
        failures = await executeChild(fitRounds, {
          workflowId: `${workflowInfo().workflowId}/fit`,
          args: [{ location: this.#location, methods, chunks, window }],
          staticSummary: `statistics of ${methods.join(', ')} over ${chunks} chunks`,
        });
      },
      (error) => {
        failures = Object.fromEntries(methods.map((method) => [method, summarizeError(error)]));
      },
    );
    return failures;
  }

  async #wave(wave: Wave): Promise<void> {
    if (this.#request.prepareOnly) return;
    const methods = this.#plan.methods
      .filter(({ method, fitted }) => fitted === (wave === 'fitted') && !(method in this.#fitFailures))
      .map(({ method, queue }) => ({ method, queue }));
    await embedWave({
      plan: this.#plan,
      wave,
      methods,
      window: this.#window,
      onBatch: (report) => this.addBatch(report),
    });
  }

  #enter(stage: Progress['stage']): void {
    this.#progress.stage = stage;
    this.#show();
  }

  #show(): void {
    const progress = this.progress();
    setCurrentDetails(describeProgress(progress));
    if (!this.#plan?.searchAttributes || progress.stage === this.#shownStage) return;
    this.#shownStage = progress.stage;
    upsertSearchAttributes([{ key: STAGE_KEY, value: progress.stage }]);
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
