/** Plans that are kept of each data set. */
export const KEPT_PLANS = 20;

export interface PlanRecord {
  /** Begins with the time of planning: ids sort by age. */
  readonly id: string;
  readonly dataset: string;
  /** What its run decided on: ids of fits, and keys of the rounds that make them. */
  readonly fits: readonly string[];
  readonly rounds: readonly string[];
}

export interface UnusedPlans {
  readonly plans: readonly string[];
  /** Known to no plan that is left; arrays may stand on them nevertheless. */
  readonly fits: readonly string[];
  readonly rounds: readonly string[];
}

/** Plans of a data set that are older than its newest, and what only they know; never those of the run at hand or of other data sets. */
export function unusedPlans(
  plans: readonly PlanRecord[],
  current: Pick<PlanRecord, 'id' | 'dataset'>,
  kept: number = KEPT_PLANS,
): UnusedPlans {
  const others = plans.filter(({ id, dataset }) => dataset === current.dataset && id !== current.id);
  const old = others.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(kept - 1);
  const left = plans.filter((plan) => !old.includes(plan));
  const onlyOld = (of: (plan: PlanRecord) => readonly string[]): string[] => {
    const needed = new Set(left.flatMap(of));
    return [...new Set(old.flatMap(of))].filter((name) => !needed.has(name)).sort();
  };
  return { plans: old.map(({ id }) => id), fits: onlyOld(({ fits }) => fits), rounds: onlyOld(({ rounds }) => rounds) };
}
