import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';

/** Ends an attempt at once because its worker shuts down; another worker makes the next one. */
export const handBack = (): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'WorkerShutdown',
    message: 'The worker shuts down; another one goes on',
    category: ApplicationFailureCategory.BENIGN,
  });
