import { CancellationScope, condition } from '@temporalio/workflow';
import { light } from './activity-options.js';
import type { DatasetRun } from './dataset-run.js';
import { unwrapFailure } from './failures.js';
import { METHOD_NAMES } from './method-names.js';
import { checkMethods, refused } from './methods-message.js';
import type { ControlAnswer, MethodScope, MethodsMessage } from './types.js';

/** What people may do to a run while it runs. */
export class RunControl {
  readonly #run: DatasetRun;

  constructor(run: DatasetRun) {
    this.#run = run;
  }

  pause(): ControlAnswer {
    this.#run.progress.paused = true;
    this.#run.work?.pause();
    this.#run.show();
    return { message: 'Paused: nothing new is started; what runs is finished.', paused: true };
  }

  resume(): ControlAnswer {
    this.#run.progress.paused = false;
    this.#run.work?.resume();
    this.#run.show();
    return { message: 'The run goes on.', paused: false };
  }

  /** Refuses what can be refused at once. Until the plan is there, names are those of all methods. */
  check(message: MethodsMessage | undefined): void {
    const { plan } = this.#run;
    checkMethods(message, plan ? plan.methods.map(({ method }) => method) : METHOD_NAMES);
    if (this.#run.isEnding || CancellationScope.current().consideredCancelled) throw refused('this run is ending');
  }

  /** The same, and what a rerun cannot do. */
  checkRerun(message: MethodsMessage | undefined): void {
    this.check(message);
    if (this.#run.isPrepareOnly) throw refused('this run only prepares: it embeds nothing that could be run again');
  }

  /** Stops methods on chunks that they are not done with. */
  async cancelMethods(message: MethodsMessage): Promise<ControlAnswer> {
    const scope = await this.#scopeOf(message);
    this.#run.work!.stop(scope);
    this.#run.show();
    const { methods } = this.#run.progress.answer(Date.now());
    const done = scope.methods.map((method) => `${method} (${methods[method]!.chunksDone} done)`);
    return this.#answer(message, `Cancelled on ${this.#where(scope)} chunks, where not done: ${done.join(', ')}.`);
  }

  /** Computes methods again, on finished chunks too, and where they were cancelled or failed. */
  async rerunMethods(message: MethodsMessage): Promise<ControlAnswer> {
    const scope = await this.#scopeOf(message);
    const refit = this.#run.work!.restart(scope);
    this.#run.show();
    const fits = refit.length === 0 ? '' : ` The fit of ${refit.join(', ')} comes first.`;
    return this.#answer(message, `Computes again on ${this.#where(scope)} chunks: ${scope.methods.join(', ')}.${fits}`);
  }

  /** Shows that a message was ignored, and why. */
  ignored(message: string): void {
    this.#run.progress.ignored = message;
    this.#run.show();
  }

  /** Waits for the plan, refuses what does not fit it, and gives chunks as indexes. */
  async #scopeOf(message: MethodsMessage): Promise<MethodScope> {
    this.check(message);
    await condition(() => this.#run.work !== null);
    this.check(message);
    const { methods, chunks } = message;
    const indexes = chunks ? await this.#findChunks(chunks) : null;
    this.check(message);
    return { methods: [...new Set(methods)], chunks: indexes };
  }

  async #findChunks(chunks: readonly string[]): Promise<readonly number[]> {
    try {
      return (await light.findChunks({ ...this.#run.location, chunks })).indexes;
    } catch (error) {
      throw unwrapFailure(error);
    }
  }

  #where({ chunks }: MethodScope): string {
    const { chunkCount } = this.#run.plan!;
    return chunks === null ? `all ${chunkCount}` : `${chunks.length} of ${chunkCount}`;
  }

  #answer({ methods, chunks }: MethodsMessage, message: string): ControlAnswer {
    return { message, paused: this.#run.progress.paused, methods, chunks: chunks ?? 'all' };
  }
}
