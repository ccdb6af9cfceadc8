import type { TaskContext } from '../tasks/types.js';
import { addedHeader, addGrams, openGram, writeGram } from './gram.js';
import { inputsOf } from './merge-tree.js';
import { withPartials } from './partial-file.js';
import { folderOf, isDone, isFinished, partialFile, type RoundTask, removeAll } from './round-files.js';
import { addStatistics, openStatistics, writeAdded } from './statistics-partial.js';

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
    if (round === 'gram') {
      await withPartials(inputs, openGram, async (readers) =>
        writeGram(path, addedHeader(readers), await addGrams(readers, context)),
      );
    } else await withPartials(inputs, openStatistics, (readers) => writeAdded(path, addStatistics(readers), context));
  }
  await removeAll(inputs);
}
