import type { Client } from '@temporalio/client';

/** Activities that wait rather than compute. */
const WAITING = new Set(['holdLease', 'watchQueues']);

interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Seconds of a closed run in which none of its activities was at work, between its first and its last one. */
export async function idleSeconds(client: Client, workflowId: string): Promise<number> {
  const intervals = (await activitiesOf(client, workflowId)).sort((a, b) => a.start - b.start);
  let idle = 0;
  let busyUntil = intervals[0]?.start ?? 0;
  for (const { start, end } of intervals) {
    idle += Math.max(0, start - busyUntil);
    busyUntil = Math.max(busyUntil, end);
  }
  return idle;
}

/** Of the workflow and of all its descendants. */
async function activitiesOf(client: Client, workflowId: string): Promise<Interval[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const names = new Map<string, string>();
  const starts = new Map<string, number>();
  const intervals: Interval[] = [];
  for (const event of events ?? []) {
    const id = String(event.eventId);
    const scheduled = event.activityTaskScheduledEventAttributes;
    const started = event.activityTaskStartedEventAttributes;
    const completed = event.activityTaskCompletedEventAttributes;
    if (scheduled) names.set(id, scheduled.activityType?.name ?? '');
    if (started) starts.set(String(started.scheduledEventId), secondsOf(event.eventTime));
    if (completed && !WAITING.has(names.get(String(completed.scheduledEventId))!)) {
      intervals.push({ start: starts.get(String(completed.scheduledEventId))!, end: secondsOf(event.eventTime) });
    }
  }
  const children = (events ?? []).flatMap(
    (event) => event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowId ?? [],
  );
  for (const child of children) intervals.push(...(await activitiesOf(client, child)));
  return intervals;
}

type Timestamp = { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined;

const secondsOf = (time: Timestamp): number => Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
