import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { expect } from 'vitest';

/** What a promise that has to be released waits for. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Why an update was refused. */
export async function refusalOf(update: Promise<unknown>): Promise<string> {
  const error = await update.then(
    () => expect.unreachable('the update should be refused'),
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  expect(error.cause).toBeInstanceOf(ApplicationFailure);
  return (error.cause as ApplicationFailure).message;
}
