import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  setCurrentDetails,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { PlanResult } from '../activities/types.js';
import { light } from './activity-options.js';
import { Companions } from './companions.js';
import { EmbedPass } from './embed-pass.js';
import { summarizeError, unwrapFailure } from './failures.js';
import { fitRounds } from './fit-rounds.js';
import { pauseSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import { METHOD_NAMES } from './method-names.js';
import { OpenChildren } from './open-children.js';
import { describeProgress } from './progress-markdown.js';
import { RunProgress } from './run-progress.js';
import { DATASET_KEY, METHODS_KEY, STAGE_KEY } from './search-attribute-keys.js';
import { SharedWindow } from './shared-window.js';
import { isolate, settleAll } from './siblings.js';
import { checkMethods, refused } from './steering.js';
import type {
  BatchReport,
  ChunkReport,
  ControlAnswer,
  FitFailures,
  MethodsMessage,
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
  #passes: Readonly<Record<Wave, EmbedPass>> | null = null;
  readonly #fits = new OpenChildren();
  #fitFailures: FitFailures = {};
  #closing = false;
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
    this.#passes = { unfitted: this.#pass('unfitted'), fitted: this.#pass('fitted') };
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
      await work.run(() => condition(allHandlersFinished));
    } catch (error) {
      throw this.#leaseLoss ?? error;
    }
    // Another run holds the data set: nothing more may be written.
    if (this.#leaseLoss) throw this.#leaseLoss;
  }

  /** Records what was done and ends the run: with its totals, as failed with them as details, or as cancelled. */
  async finish(cancellation: unknown): Promise<RunTotals> {
    this.#closing = true;
    this.#enter('finalizing');
    const cancelled = cancellation !== null;
    const outcome = await light.finalizeRun({
      ...{ ...this.#location, cancelled, fitFailures: this.#fitFailures },
      cancelledMethods: this.#stoppedMethods(),
    });
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

  pause(): ControlAnswer {
    this.#progress.paused = true;
    this.#window?.pause();
    this.#fits.tell(pauseSignal);
    this.#show();
    return { message: 'Paused: nothing new is started; what runs is finished.', paused: true };
  }

  resume(): ControlAnswer {
    this.#progress.paused = false;
    this.#window?.resume();
    this.#fits.tell(resumeSignal);
    this.#show();
    return { message: 'The run goes on.', paused: false };
  }

  /** Names that messages may use: those of the plan or, until it is there, of all methods. */
  methodNames(): readonly string[] {
    return this.#passes ? this.#plan.methods.map(({ method }) => method) : METHOD_NAMES;
  }

  /** Stops methods on chunks that they are not done with. Fits are not changed by what is cancelled for some chunks. */
  async cancelMethods(message: MethodsMessage): Promise<ControlAnswer> {
    const chunks = await this.#chunksOf(message);
    const { methods } = message;
    for (const [wave, pass] of Object.entries(this.#passes!)) {
      const concerned = this.#plannedMethods(wave as Wave).filter((method) => methods.includes(method));
      if (concerned.length > 0) pass.stop({ methods: concerned, chunks });
    }
    if (chunks === null) this.#fits.tell(stopMethodsSignal, { methods, chunks });
    this.#progress.cancelled = new Set(this.#stoppedMethods());
    this.#show();
    const { chunkCount } = this.#plan;
    const done = methods.map((method) => `${method} (${this.progress().methods[method]!.chunksDone} done)`);
    const where = chunks === null ? `all ${chunkCount}` : `${chunks.length} of ${chunkCount}`;
    return {
      message: `Cancelled on ${where} chunks, where not done: ${done.join(', ')}.`,
      paused: this.#progress.paused,
      methods,
      chunks: message.chunks ?? 'all',
    };
  }

  /** Shows that a message was ignored, and why. */
  ignored(message: string): void {
    this.#progress.ignored = message;
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
    const methods = this.#plannedMethods('fitted').filter((method) => !this.#passes!.fitted.stopped.has(method));
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
        failures = await this.#fits.execute(() =>
          startChild(fitRounds, {
            workflowId: `${workflowInfo().workflowId}/fit`,
            args: [{ location: this.#location, methods, chunks, window, paused: this.#progress.paused }],
            staticSummary: `statistics of ${methods.join(', ')} over ${chunks} chunks`,
          }),
        );
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
    await this.#passes![wave].embed(methods);
  }

  #pass(wave: Wave): EmbedPass {
    const onBatch = (report: BatchReport): void => this.addBatch(report);
    return new EmbedPass({ plan: this.#plan, wave, window: this.#window, onBatch });
  }

  #plannedMethods(wave: Wave): string[] {
    return this.#plan.methods.filter(({ fitted }) => fitted === (wave === 'fitted')).map(({ method }) => method);
  }

  #stoppedMethods(): string[] {
    return Object.values(this.#passes!).flatMap(({ stopped }) => [...stopped]);
  }

  /** Waits for the plan, refuses what does not fit it, and gives the indexes of the chunks, or null for all. */
  async #chunksOf(message: MethodsMessage): Promise<readonly number[] | null> {
    checkMethods(message, this.methodNames());
    await condition(() => this.#passes !== null);
    checkMethods(message, this.methodNames());
    const indexes = message.chunks ? await this.#findChunks(message.chunks) : null;
    if (this.#closing) throw refused('this run is being finalized');
    return indexes;
  }

  async #findChunks(chunks: readonly string[]): Promise<readonly number[]> {
    try {
      return (await light.findChunks({ ...this.#location, chunks })).indexes;
    } catch (error) {
      throw unwrapFailure(error);
    }
  }

  #enter(stage: Progress['stage']): void {
    this.#progress.stage = stage;
    this.#show();
  }

  #show(): void {
    const progress = this.progress();
    setCurrentDetails(describeProgress(progress, this.#progress.ignored));
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
