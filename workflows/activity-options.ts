import { ActivityCancellationType, type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CpuActivities, EmbedActivities, LightActivities } from '../activities/types.js';

/** Fail at once: another attempt finds the same. Types as in core/errors.ts. */
const HOPELESS = ['InvalidInput', 'InvalidConfig', 'MissingModel', 'InsufficientSpace', 'LeaseHeld', 'CudaOutOfMemory'];

/**
 * A restarted worker and a lost heartbeat use up an attempt too, so there are many; a full disk or a lost mount has
 * more than an hour to heal. Activities limit `Internal` errors themselves.
 */
const COMMON: ActivityOptions = {
  heartbeatTimeout: '30s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    maximumAttempts: 100,
    nonRetryableErrorTypes: HOPELESS,
  },
};

/** Tasks may wait for a worker for weeks (a GPU that comes at night); one attempt may last a day. */
const WORK: ActivityOptions = { ...COMMON, startToCloseTimeout: '24h', scheduleToCloseTimeout: '60 days' };
const LIGHT: ActivityOptions = { ...COMMON, startToCloseTimeout: '4h', scheduleToCloseTimeout: '7 days' };
/**
 * Lasts as long as the run, and so do its attempts: each worker that ends uses one up. The next one must come well before
 * a lease of two minutes expires.
 */
const COMPANION: ActivityOptions = {
  ...COMMON,
  startToCloseTimeout: '365 days',
  scheduleToCloseTimeout: '365 days',
  retry: {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '5s',
    nonRetryableErrorTypes: HOPELESS,
  },
};

export const light = proxyActivities<Omit<LightActivities, 'holdLease' | 'watchQueues' | 'endCompanions'>>(LIGHT);
export const companions = proxyActivities<Pick<LightActivities, 'holdLease' | 'watchQueues'>>(COMPANION);
/** Saves time or fails: the cancellation of the companions comes in any case. */
export const { endCompanions } = proxyActivities<Pick<LightActivities, 'endCompanions'>>({
  scheduleToCloseTimeout: '5s',
  retry: { maximumAttempts: 1 },
});

/** Workflows run on the queue `<prefix>obsmith`; the others are named after it. */
export const queueOf = (kind: 'cpu' | 'gpu'): string => `${workflowInfo().taskQueue}-${kind}`;

export const cpuActivities = () => proxyActivities<CpuActivities>({ ...WORK, taskQueue: queueOf('cpu') });

/** Saves time or fails: the chunk copies its input itself where it finds no copy. */
export const copyAheadActivity = (chunk: number) =>
  proxyActivities<Pick<CpuActivities, 'stageInput'>>({
    ...WORK,
    taskQueue: queueOf('cpu'),
    summary: `of chunk #${chunk}, while the fit is made`,
    retry: { maximumAttempts: 1 },
  }).stageInput;

/** Preparing for a method goes before its embedding, always on the CPU queue. */
export const prepareActivity = (method: string) =>
  proxyActivities<Pick<CpuActivities, 'prepareChunk'>>({
    ...WORK,
    taskQueue: queueOf('cpu'),
    activityId: `prepare-${method}`,
    summary: method,
  }).prepareChunk;

/**
 * An embedding runs on the queue of the section that its method stands in; its id in the history names the method and, where
 * batches had to be made smaller, their size. Ids differ, since they name the attempts that staged arrays belong to.
 */
export const embedActivity = (method: string, kind: 'cpu' | 'gpu', batchSize: number | null) =>
  proxyActivities<EmbedActivities>({
    ...WORK,
    taskQueue: queueOf(kind),
    activityId: batchSize === null ? `embed-${method}` : `embed-${method}-batch-${batchSize}`,
    summary: batchSize === null ? method : `${method}, batches of ${batchSize} cells`,
  }).embedMethod;

export const publishActivity = (method: string) =>
  proxyActivities<Pick<LightActivities, 'publishArray'>>({ ...LIGHT, activityId: `publish-${method}`, summary: method })
    .publishArray;
