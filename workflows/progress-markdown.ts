import type { Progress } from './types.js';

/** The query `progress` as the UI's current details. */
export function describeProgress(progress: Progress, ignored: string | null): string {
  const { stage, paused, chunks, cells, methods, failures, waitingFor, reruns, logs } = progress;
  const isPrepared = Object.values(methods).some(({ chunksPrepared }) => chunksPrepared !== undefined);
  const columns = ['method', 'state', ...(isPrepared ? ['prepared'] : []), 'chunks', 'failed', 'cells', 'cells/s'];
  const lines = [
    `**${paused ? 'paused' : stage}**: ${chunks.completed + chunks.failed} of ${chunks.total} chunks, ${cells.done} of ${cells.total} cells${describePace(progress)}`,
    ...(reruns.total > 0
      ? [
          `
reruns: ${reruns.done} of ${reruns.total} chunks`,
        ]
      : []),
    ...waitingFor.map((worker) => `\n**waiting for: ${worker}**`),
    '',
    row(columns),
    `|${'---|'.repeat(columns.length)}`,
    ...Object.entries(methods).map(
      ([method, { state, chunksPrepared = '', chunksDone, chunksFailed, cellsDone, cellsPerSecond }]) =>
        row([
          ...[method, state, ...(isPrepared ? [chunksPrepared] : [])],
          ...[chunksDone, chunksFailed, cellsDone, Math.round(cellsPerSecond)],
        ]),
    ),
  ];
  if (logs) lines.push('', `Logs: \`${logs}\``);
  if (ignored) lines.push('', `Ignored message: ${ignored}`);
  if (failures.length > 0) lines.push('', 'First failures:', ...failures.map(describeFailure));
  return lines.join('\n');
}

/** Rate and ETA while there are any. */
function describePace({ cellsPerSecond, etaSeconds }: Progress): string {
  const rate = cellsPerSecond > 0 ? `, ${Math.round(cellsPerSecond)} cells/s` : '';
  return etaSeconds === null ? rate : `${rate}, ETA ${describeSeconds(etaSeconds)}`;
}

function describeSeconds(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

const describeFailure = ({ chunk, method, type, message }: Progress['failures'][number]): string =>
  `- \`${chunk}\` ${method}: ${type}: ${message.replaceAll(/\s+/g, ' ').slice(0, 300)}`;

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
