import type { TaskContext } from '../tasks/types.js';
import { mergeGrams, openGram } from './gram.js';
import { inputsOf } from './merge-tree.js';
import type { PartialHeader, PartialReader } from './partial-file.js';
import { folderOf, isDone, isFinished, partialFile, type RoundTask, removeAll } from './round-files.js';
import { mergeStatistics, openStatistics } from './statistics-partial.js';

/**
 * Adds up to 32 partials of the level below, in order, into the partial `index` of `level` (from 1), and removes them
 * once it is durable. Repeating a merge does no harm, also where its inputs are gone.
 */
export async function mergeRound(
  task: RoundTask & { level: number; index: number },
  context: TaskContext,
): Promise<void> {
  const { round, resolved, level, index } = task;
  if (await isFinished(task)) return;
  const folder = folderOf(task, round);
  const partials = resolved.chunks.length;
  const inputs = inputsOf({ level, index }, partials).map((input) => partialFile(folder, input));
  const path = partialFile(folder, { level, index });
  if (!(await isDone(folder, { level, index }, partials))) {
    if (round === 'gram') await withAll(inputs, openGram, (readers) => mergeGrams(readers, path, context));
    else await withAll(inputs, openStatistics, (readers) => mergeStatistics(readers, path, context));
  }
  await removeAll(inputs);
}

async function withAll<Header extends PartialHeader>(
  paths: readonly string[],
  open: (path: string) => Promise<PartialReader<Header>>,
  use: (readers: PartialReader<Header>[]) => Promise<void>,
): Promise<void> {
  const readers: PartialReader<Header>[] = [];
  try {
    for (const path of paths) readers.push(await open(path));
    await use(readers);
  } finally {
    for (const reader of readers) await reader.close();
  }
}
