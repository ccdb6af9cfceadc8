import { join } from 'node:path';
import type { EmbedRequest } from '../embed/embed-chunk.js';
import { fromUnavailableStore } from '../errors.js';
import type { Plan, PlannedChunk, PlannedMethod } from '../plan/types.js';
import type {
  EmbedOutcome,
  MethodInput,
  PlanLocation,
  RoundInput,
  TaskInput,
  TaskName,
  TaskOutput,
} from './definitions.js';
import { fromLostPermission } from './lost-permission.js';
import { ROOMS } from './rooms.js';
import type { TaskContext } from './types.js';

type Run<N extends TaskName> = (input: TaskInput<N>, context: TaskContext) => Promise<TaskOutput<N>>;

/** Each task as a function of plain data: it looks up the plan and calls the room that does the work. */
const RUN: { [N in TaskName]: Run<N> } = {
  async planRun({ request, folder, run }) {
    const { planRun } = await ROOMS.planRun();
    return planRun(request, folder, run);
  },
  async openChunk(input, context) {
    const { openChunk } = await ROOMS.openChunk();
    return openChunk(input, context);
  },
  async scanChunk(input, context) {
    const { scanPlannedChunk } = await ROOMS.scanChunk();
    const { chunk, ...loaded } = await lookUp(input, input.chunk);
    const { cells } = await scanPlannedChunk(loaded, chunk, context);
    return { cells };
  },
  async stageInput(input, context) {
    const { stageInput } = await ROOMS.stageInput();
    const { base, chunk, staging } = await lookUp(input, input.chunk);
    await stageInput({ base, chunk, staging }, context);
    return { name: chunk.name };
  },
  async prepareChunk(input, context) {
    const { prepareChunk } = await ROOMS.prepareChunk();
    const { base, plan, chunk } = await lookUp(input, input.chunk);
    return prepareChunk({ base, dataset: plan.dataset, chunk, method: await methodOf(input) }, context);
  },
  async embedChunk(input, context) {
    const planned = await methodOf(input);
    if (!planned.model) return embedTogether([{ input, context }])[0]!;
    const { embedChunk } = await ROOMS.embedChunk();
    const { withinBatchLimit } = await import('../inference/batch-limit.js');
    const request = await embedRequest(input);
    const embed = (method: PlannedMethod) => embedChunk({ ...request, method }, context);
    return withinBatchLimit({ base: request.base, plan: input.plan }, planned, input.batchSize, embed);
  },
  async probeDevice({ device }) {
    const { probeDevice } = await ROOMS.probeDevice();
    await probeDevice(device);
    return {};
  },
  async findChunks({ chunks, ...location }) {
    const { findChunks } = await ROOMS.findChunks();
    return { indexes: await findChunks(location, chunks) };
  },
  async discardStaged({ method, ...input }) {
    const { discardStaged } = await ROOMS.discardStaged();
    const { base, staging } = await lookUp(input, input.chunk);
    await discardStaged(join(base, staging), `X_${method}`);
    return {};
  },
  async publishArray(input, context) {
    const { publishArray, readScan, inputProvenance, signatureOf } = await ROOMS.publishArray();
    const { base, plan, chunk, staging } = await lookUp(input, input.chunk);
    const scan = await readScan(base, plan.dataset, chunk.name);
    const provenance = inputProvenance(await methodOf(input), scan!, await fitFor(input));
    const signature = signatureOf(provenance);
    return publishArray({ base, chunk, staging, key: `X_${input.method}`, attempt: input.attempt, signature }, context);
  },
  async resolveFits(input) {
    const { resolveFits } = await ROOMS.resolveFits();
    const { loadPlan } = await import('../plan/load-plan.js');
    return resolveFits(await loadPlan(input));
  },
  async accumulateRound(input, context) {
    const { accumulateRound } = await ROOMS.accumulateRound();
    return accumulateRound({ ...(await roundOf(input)), position: input.position }, context);
  },
  async mergeRound(input, context) {
    const { mergeRound } = await ROOMS.mergeRound();
    await mergeRound({ ...(await roundOf(input)), level: input.level, index: input.index }, context);
    return {};
  },
  async solveRound(input, context) {
    const { solveRound } = await ROOMS.solveRound();
    return solveRound(await roundOf(input), context);
  },
  async closeChunk({ wave, outcome, ...input }) {
    const { recordOutcome } = await ROOMS.closeChunk();
    const { base, plan, chunk } = await lookUp(input, input.chunk);
    return recordOutcome(base, plan.id, chunk.name, wave, outcome);
  },
  async finalize(input, context) {
    const { finalize } = await ROOMS.finalize();
    return finalize(input, context);
  },
};

/** A task that is run together with others, and who waits for it. */
export interface TaskMember<N extends TaskName> {
  readonly input: TaskInput<N>;
  readonly context: TaskContext;
}

/**
 * Embeds a chunk by several methods in one pass over its rows. What is wrong with one of them is that one's error.
 */
function embedTogether(members: readonly TaskMember<'embedChunk'>[]): Promise<EmbedOutcome>[] {
  const requests = members.map(({ input }) => embedRequest(input));
  const pass = Promise.allSettled(requests).then(async (looked) => {
    const { embedTogether } = await ROOMS.embedChunk();
    const found = members.flatMap(({ context }, member) => {
      const request = looked[member]!;
      return request.status === 'fulfilled' ? [{ member, request: request.value, context }] : [];
    });
    const ends = found.length === 0 ? [] : embedTogether(found);
    return new Map(found.map(({ member }, at) => [member, ends[at]!]));
  });
  return requests.map(async (request, member) => {
    await request;
    return (await pass).get(member)!;
  });
}

async function embedRequest(input: MethodInput): Promise<EmbedRequest> {
  const { base, plan, chunk, staging } = await lookUp(input, input.chunk);
  const { attempt } = input;
  return {
    ...{ base, dataset: plan.dataset, chunk, staging, attempt },
    ...{ method: await methodOf(input), fit: await fitFor(input) },
  };
}

/** Runs one task and gives its output, as `runInline` does. */
export type RunInline = <N extends TaskName>(
  name: N,
  input: TaskInput<N>,
  context: TaskContext,
) => Promise<TaskOutput<N>>;

/**
 * Runs a task in the calling thread. A file system that fails anywhere in it, also while it cleans up after an error, or that
 * denies in the middle of a run what it permitted before, makes the task StoreUnavailable: it is tried again.
 */
export async function runInline<N extends TaskName>(
  name: N,
  input: TaskInput<N>,
  context: TaskContext,
): Promise<TaskOutput<N>> {
  try {
    return await RUN[name](input, context);
  } catch (error) {
    throw fromUnavailableStore(fromLostPermission(error, name));
  }
}

/** Runs tasks of one name together in the calling thread: embeddings of a chunk share the reading of its rows. */
export function runTogether<N extends TaskName>(name: N, members: readonly TaskMember<N>[]): Promise<TaskOutput<N>>[] {
  if (members.length === 1) return members.map(({ input, context }) => runInline(name, input, context));
  if (name !== 'embedChunk') throw new TypeError(`tasks ${name} share no work`);
  const ends = embedTogether(members as readonly TaskMember<'embedChunk'>[]);
  return ends.map((end) =>
    end.catch((error: unknown) => {
      throw fromUnavailableStore(fromLostPermission(error, name));
    }),
  ) as Promise<TaskOutput<N>>[];
}

interface Place {
  readonly base: string;
  readonly plan: Plan;
  readonly chunk: PlannedChunk;
  /** Folder of this chunk's staging, relative to the base. */
  readonly staging: string;
}

async function lookUp(location: PlanLocation, index: number): Promise<Place> {
  const { loadPlan, loadPlannedChunk } = await import('../plan/load-plan.js');
  const { stagingFolder } = await import('../dataset/layout.js');
  const loaded = await loadPlan(location);
  const chunk = await loadPlannedChunk(loaded, index);
  return { ...loaded, chunk, staging: stagingFolder(loaded.plan.dataset, loaded.plan.id, chunk.name) };
}

async function methodOf(input: PlanLocation & { method: string }): Promise<PlannedMethod> {
  const { loadPlan, plannedMethod } = await import('../plan/load-plan.js');
  return plannedMethod((await loadPlan(input)).plan, input.method);
}

async function fitFor(input: MethodInput) {
  const method = await methodOf(input);
  if (method.fitRounds.length === 0) return null;
  const { loadPlan } = await import('../plan/load-plan.js');
  const { fitOf } = await ROOMS.resolveFits();
  return fitOf(await loadPlan(input), method);
}

async function roundOf(input: RoundInput) {
  const { loadPlan } = await import('../plan/load-plan.js');
  const { readResolvedFits } = await ROOMS.resolveFits();
  const loaded = await loadPlan(input);
  return {
    loaded,
    round: input.round,
    method: await methodOf(input),
    resolved: await readResolvedFits(loaded.base, loaded.plan.id),
  };
}
