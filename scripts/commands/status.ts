import type { Command } from 'commander';
import type { RunStatus } from '../../client/run-status.js';
import type { Failure } from '../../workflows/types.js';
import { cancelledMethods } from '../runs/cancelled-methods.js';
import type { Cli } from '../terminal/cli.js';
import { formatCount, formatDuration, formatRate } from '../terminal/format.js';
import { formatFacts, formatTable } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

export function register(program: Command, cli: Cli): void {
  program
    .command('status')
    .argument('<workflow-id>', 'e.g. embed-pbmc')
    .summary('how far a run is')
    .description('How far a run is: chunks, cells and methods done, rate, ETA, failures, and what it waits for.')
    .addHelpText('after', '\nExamples:\n  obsmith status embed-pbmc\n  obsmith status embed-pbmc --json')
    .action(
      cli.action(async (workflowId: string) => {
        const { connectToRunning } = await import('../../client/connect.js');
        const { readStatus } = await import('../../client/run-status.js');
        const connected = await connectToRunning(cli);
        try {
          const status = await readStatus(connected.client, workflowId);
          return { document: status, print: (terminal) => printStatus(terminal, status) };
        } finally {
          await connected.close();
        }
      }),
    );
}

function printStatus(terminal: Terminal, { workflowId, runId, status, progress, totals }: RunStatus): void {
  const facts: [string, string][] = [
    ['run', `${workflowId} (${runId})`],
    ['status', status],
  ];
  if (progress === null) {
    if (totals) printTotals(terminal, facts, totals);
    else terminal.print(formatFacts(terminal, [...facts, ['waiting for', 'obsmith worker cpu (no worker answers)']]));
    return;
  }
  const { chunks, cells, cellsPerSecond, etaSeconds, reruns } = progress;
  const without = cancelledMethods(progress.methods, ({ state }) => state === 'cancelled');
  facts.push(
    ['stage', progress.paused ? `${progress.stage} (paused)` : progress.stage],
    [
      'chunks',
      `${formatCount(chunks.completed)} of ${formatCount(chunks.total)} done${without}, ${formatCount(chunks.failed)} failed, ${formatCount(chunks.running)} open`,
    ],
    ...(reruns.total > 0
      ? [['reruns', `${formatCount(reruns.done)} of ${formatCount(reruns.total)} chunks`] as [string, string]]
      : []),
    ['cells', `${formatCount(cells.done)} of ${formatCount(cells.total)}, ${formatRate(cellsPerSecond, 'cells')}`],
    ...(etaSeconds === null ? [] : [['ETA', formatDuration(etaSeconds)] as [string, string]]),
    ...(progress.logs === null ? [] : [['logs', progress.logs] as [string, string]]),
    ...progress.waitingFor.map((worker): [string, string] => ['waiting for', worker]),
  );
  terminal.print(formatFacts(terminal, facts));
  terminal.print(`\n${methodTable(terminal, progress.methods)}`);
  printFailures(terminal, progress.failures);
}

/** A closed run that no worker is there to tell of. */
function printTotals(
  terminal: Terminal,
  facts: readonly [string, string][],
  { chunks, methods, failures, seconds }: NonNullable<RunStatus['totals']>,
): void {
  const { completed, skipped, total, failed, cancelled } = chunks;
  const without = cancelledMethods(methods, (counted) => counted.cancelled > 0);
  const counts = `${formatCount(completed + skipped)} of ${formatCount(total)} done${without}, ${formatCount(failed)} failed, ${formatCount(cancelled)} cancelled`;
  terminal.print(formatFacts(terminal, [...facts, ['chunks', counts], ['time', formatDuration(seconds)]]));
  const columns = ['computed', 'skipped', 'failed', 'cancelled', 'cells'] as const;
  const rows = Object.entries(methods).map(([method, counted]) => [
    method,
    ...columns.map((column) => formatCount(counted[column])),
  ]);
  const right = columns.map((title) => ({ title, align: 'right' as const }));
  terminal.print(`\n${formatTable(terminal, [{ title: 'method' }, ...right], rows)}`);
  printFailures(terminal, failures);
}

function printFailures(terminal: Terminal, failures: readonly Failure[]): void {
  for (const { chunk, method, type, message } of failures) {
    terminal.print(`\n${terminal.colours.red('failed')} ${chunk} ${method}: ${type}: ${message}`);
  }
}

function methodTable(terminal: Terminal, methods: NonNullable<RunStatus['progress']>['methods']): string {
  const isPrepared = Object.values(methods).some(({ chunksPrepared }) => chunksPrepared !== undefined);
  const right = [...(isPrepared ? ['prepared'] : []), 'done', 'failed', 'cells', 'cells/s'].map((title) => ({
    title,
    align: 'right' as const,
  }));
  const rows = Object.entries(methods).map(
    ([method, { state, chunksPrepared, chunksDone, chunksFailed, cellsDone, cellsPerSecond }]) => [
      ...[method, state],
      ...(isPrepared ? [chunksPrepared === undefined ? '' : formatCount(chunksPrepared)] : []),
      ...[formatCount(chunksDone), formatCount(chunksFailed), formatCount(cellsDone)],
      cellsPerSecond.toFixed(1),
    ],
  );
  return formatTable(terminal, [{ title: 'method' }, { title: 'state' }, ...right], rows);
}
