import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../../core/package-root.js';

const folder = fileURLToPath(new URL('../fixtures/histories', import.meta.url));
const recorded = readdirSync(folder).filter((name) => name.endsWith('.pb'));
const workflowBundle = { codePath: built('workflow-bundle.js') };

describe('histories of released workflows', () => {
  beforeAll(() => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  });

  it('are there for every way that a run may go', () => {
    const runs = new Set(recorded.map((name) => name.replace(/(@|%2F|\.pb).*/, '').replace(/^record-v[\d.]+-/, '')));
    expect([...runs].sort()).toEqual([
      ...['cancelled', 'cancelled-method', 'completed', 'continued', 'partly-failed', 'rerun'],
    ]);
  });

  it.each(recorded)('%s replays on the current workflows', async (name) => {
    await Worker.runReplayHistory({ workflowBundle }, await readHistory(name), idOf(name));
  });

  it('are refused where the workflow would do something else', async () => {
    const name = recorded.find((candidate) => candidate.endsWith('completed.pb'))!;
    const history = await readHistory(name);
    const scheduled = history.events.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'acquireLease',
    );
    scheduled!.activityTaskScheduledEventAttributes!.activityType!.name = 'somethingElse';
    const replay = Worker.runReplayHistory({ workflowBundle }, history, idOf(name));
    await expect(replay).rejects.toThrow('nondeterminism');
  });
});

/** Files are named after the workflow, whose id its children's ids begin with; "@first" and "@last" are runs of one id. */
const idOf = (name: string): string => decodeURIComponent(name.replace(/(@\w+)?\.pb$/, ''));

const readHistory = async (name: string) =>
  proto.temporal.api.history.v1.History.decode(await readFile(join(folder, name)));
