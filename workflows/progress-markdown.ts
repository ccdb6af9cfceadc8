import type { Progress } from './types.js';

/** The query `progress` as the UI's current details. */
export function describeProgress(progress: Progress, ignored: string | null): string {
  const { stage, paused, chunks, cells, methods, failures, waitingFor, reruns } = progress;
  const lines = [
    `**${paused ? 'paused' : stage}**: ${chunks.completed + chunks.failed} of ${chunks.total} chunks, ${cells.done} of ${cells.total} cells`,
    ...(reruns.total > 0 ? [`\nreruns: ${reruns.done} of ${reruns.total} chunks`] : []),
    ...waitingFor.map((worker) => `\n**waiting for: ${worker}**`),
    '',
    '| method | state | chunks | failed | cells | cells/s |',
    '|---|---|---|---|---|---|',
    ...Object.entries(methods).map(
      ([method, { state, chunksDone, chunksFailed, cellsDone, cellsPerSecond }]) =>
        `| ${method} | ${state} | ${chunksDone} | ${chunksFailed} | ${cellsDone} | ${Math.round(cellsPerSecond)} |`,
    ),
  ];
  if (ignored) lines.push('', `Ignored message: ${ignored}`);
  if (failures.length > 0) lines.push('', 'First failures:', ...failures.map(describeFailure));
  return lines.join('\n');
}

const describeFailure = ({ chunk, method, type, message }: Progress['failures'][number]): string =>
  `- \`${chunk}\` ${method}: ${type}: ${message.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
