import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { describeProgress } from './progress-markdown.js';
import type { RunProgress } from './run-progress.js';
import { DATASET_KEY, METHODS_KEY, STAGE_KEY } from './search-attribute-keys.js';
import type { PlanOverview, Progress } from './types.js';

/** What the Temporal UI shows of a run: current details and, where the server knows them, search attributes. */
export class RunDisplay {
  readonly #progress: RunProgress;
  #searchAttributes = false;
  #stage: Progress['stage'] = 'planning';

  constructor(progress: RunProgress) {
    this.#progress = progress;
  }

  /** From here on search attributes are set. */
  describeWith({ dataset, methods }: PlanOverview): void {
    this.#searchAttributes = true;
    upsertSearchAttributes([
      { key: DATASET_KEY, value: dataset },
      { key: METHODS_KEY, value: methods.map(({ method }) => method) },
    ]);
  }

  update(): void {
    const progress = this.#progress.answer(Date.now());
    setCurrentDetails(describeProgress(progress, this.#progress.ignored));
    if (!this.#searchAttributes || progress.stage === this.#stage) return;
    this.#stage = progress.stage;
    upsertSearchAttributes([{ key: STAGE_KEY, value: progress.stage }]);
  }
}
