import { describe, expect, it } from 'vitest';
import { type PlanRecord, unusedPlans } from './unused-plans.js';

const plan = (id: string, fits: string[] = [], dataset = 'toy'): PlanRecord => ({
  ...{ id, dataset, fits },
  rounds: fits.map((fit) => `round of ${fit}`),
});

describe('unusedPlans', () => {
  it('keeps the newest of the data set, and what they know', () => {
    const plans = [plan('1', ['a']), plan('3', ['b', 'c']), plan('2', ['b']), plan('4', ['c'])];
    expect(unusedPlans(plans, plan('4'), 2)).toEqual({
      plans: ['2', '1'],
      fits: ['a'],
      rounds: ['round of a'],
    });
  });

  it('keeps the plan of the run at hand, however old it is', () => {
    const plans = [plan('1'), plan('2'), plan('3')];
    expect(unusedPlans(plans, plan('1'), 2).plans).toEqual(['2']);
  });

  it('leaves other data sets alone, and what they know', () => {
    const plans = [plan('1', ['a', 'shared']), plan('0', ['shared'], 'other'), plan('2')];
    expect(unusedPlans(plans, plan('2'), 1)).toMatchObject({ plans: ['1'], fits: ['a'] });
  });

  it('finds nothing where there is nothing old', () => {
    expect(unusedPlans([plan('1', ['a'])], plan('1'))).toEqual({ plans: [], fits: [], rounds: [] });
  });
});
