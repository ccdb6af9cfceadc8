import type { WorkflowInterceptors } from '@temporalio/workflow';
import type { PlanLocation } from './types.js';

/** What the log lines of a workflow are about: workers find by it the folder of the run's logs, and the chunk's name. */
export interface LogSubject extends PlanLocation {
  readonly chunk?: number;
}

let subject: LogSubject | null = null;

/** Says what a workflow is about whose input does not say it. */
export function logAbout({ base, plan }: PlanLocation): void {
  subject = { base, plan };
}

/** The SDK calls it for each workflow: all lines, its own as well, get the subject. */
export const interceptors = (): WorkflowInterceptors => ({
  inbound: [
    {
      execute(input, next) {
        const [argument] = input.args as [{ readonly location?: PlanLocation; readonly chunk?: number } | undefined];
        const { location, chunk } = argument ?? {};
        if (location) subject = { base: location.base, plan: location.plan, ...(chunk === undefined ? {} : { chunk }) };
        return next(input);
      },
    },
  ],
  outbound: [
    {
      getLogAttributes: (attributes, next) =>
        next(subject === null ? attributes : { ...attributes, logSubject: subject }),
    },
  ],
});
