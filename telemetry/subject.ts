import { chunkLog, type LogSection, logsOf, RUN_LOG } from '../core/dataset/run-logs.js';
import { type LoadedPlan, loadPlan, loadPlannedChunk } from '../core/plan/load-plan.js';
import type { PlanLocation } from '../core/tasks/definitions.js';

/** What an activity works on, for its log lines, and where those go besides stderr. */
export interface Subject {
  readonly chunk?: string;
  /** One method, or several that are embedded in one pass: "hvg,pca". */
  readonly method?: string;
  /** Null where no run folder is known: before the plan is there. */
  readonly log: LogPlace | null;
}

/** A file in the folder of a run's logs. */
export interface LogPlace {
  readonly folder: string;
  readonly file: string;
}

export const NO_SUBJECT: Subject = { log: null };

/** A plan, and where there is one a chunk of it. */
export interface PlannedSubject extends PlanLocation {
  readonly chunk?: number;
}

/** Fields that inputs of activities share; see activities/types.ts. */
interface KnownInput extends PlannedSubject {
  readonly position?: number;
  readonly method?: string;
  readonly methods?: readonly string[];
}

/** These work on arrays of a section; everything else of a chunk is preparation. */
const OF_SECTIONS = /^(embed|publish|discard)/;

/** Of an activity by its name and input, or of a workflow. Never fails: an activity whose plan cannot be read fails by itself, and says so. */
export async function subjectOf(activity: string, input: unknown): Promise<Subject> {
  try {
    return await find(activity, input as KnownInput);
  } catch {
    return NO_SUBJECT;
  }
}

async function find(activity: string, input: KnownInput): Promise<Subject> {
  const { base, plan, method, methods = method === undefined ? [] : [method] } = input;
  const loaded = await loadPlan({ base, plan });
  const chunk = await chunkOf(loaded, input);
  const folder = logsOf(loaded);
  const named = methods.length === 0 ? {} : { method: methods.join(',') };
  if (chunk === null) return { ...named, log: folder === null ? null : { folder, file: RUN_LOG } };
  const file = chunkLog(sectionOf(loaded, activity, methods[0]), chunk);
  return { ...named, chunk, log: folder === null ? null : { folder, file } };
}

async function chunkOf(loaded: LoadedPlan, { chunk, position }: KnownInput): Promise<string | null> {
  const index = chunk ?? (position === undefined ? undefined : loaded.plan.fitChunks[position]);
  return typeof index === 'number' ? (await loadPlannedChunk(loaded, index)).name : null;
}

function sectionOf({ plan }: LoadedPlan, activity: string, method: string | undefined): LogSection {
  if (!OF_SECTIONS.test(activity)) return 'embedding_prepare';
  const queue = plan.methods.find((planned) => planned.method === method)?.queue ?? 'cpu';
  return `embedding_${queue}`;
}
