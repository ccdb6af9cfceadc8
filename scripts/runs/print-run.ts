import { formatBytes, formatCount, formatCounted, formatDuration } from '../terminal/format.js';
import { formatTable } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';
import { cancelledMethods } from './cancelled-methods.js';
import type { RunDocument } from './execute-run.js';
import type { RunRow } from './run-rows.js';

const MOST_FAILURES = 20;
const MOST_WARNINGS = 20;
const MOST_OUTPUTS = 20;

export interface RunReport {
  readonly document: RunDocument;
  /** Chunk by chunk where the run was small. */
  readonly rows: readonly RunRow[] | null;
  readonly uiUrl: string | null;
}

/** The end of a run for people. */
export function printRun(terminal: Terminal, { document, rows, uiUrl }: RunReport): void {
  terminal.print(rows ? chunkTable(terminal, rows) : methodTable(terminal, document));
  printFailures(terminal, document);
  printWarnings(terminal, document);
  if (document.outputs.length > 0) {
    terminal.print('\nOutputs:');
    for (const path of document.outputs.slice(0, MOST_OUTPUTS)) terminal.print(path);
    const more = document.outputs.length - MOST_OUTPUTS;
    if (more > 0) terminal.print(`... and ${formatCount(more)} more (all with --json)`);
  }
  if (uiUrl) terminal.print(`\nTemporal UI: ${uiUrl}`);
  terminal.print(`\n${summary(terminal, document)}`);
}

function chunkTable(terminal: Terminal, rows: readonly RunRow[]): string {
  const columns = [
    { title: 'chunk' },
    { title: 'method' },
    { title: 'cells', align: 'right' as const },
    { title: 'dims', align: 'right' as const },
    { title: 'seconds', align: 'right' as const },
    { title: 'status' },
  ];
  const cells = rows.map(({ chunk, method, cells: count, dim, seconds, state }) => [
    ...[chunk, method, formatCount(count), formatCount(dim), seconds.toFixed(2)],
    coloured(terminal, state),
  ]);
  return formatTable(terminal, columns, cells);
}

function methodTable(terminal: Terminal, { methods }: RunDocument): string {
  const counts = ['computed', 'skipped', 'failed', 'cancelled', 'cells'] as const;
  const columns = [{ title: 'method' }, ...[...counts, 'seconds'].map((title) => ({ title, align: 'right' as const }))];
  const rows = Object.entries(methods).map(([method, totals]) => [
    method,
    ...counts.map((count) => formatCount(totals[count])),
    totals.seconds.toFixed(1),
  ]);
  return formatTable(terminal, columns, rows);
}

function printFailures(terminal: Terminal, { failures, failuresUri }: RunDocument): void {
  if (failures.length === 0) return;
  terminal.print(`\n${terminal.colours.red('Failures')}:`);
  for (const { chunk, method, type, message } of failures.slice(0, MOST_FAILURES)) {
    terminal.print(`${chunk} ${method}: ${type}: ${message}`);
  }
  if (failures.length > MOST_FAILURES && failuresUri) terminal.print(`... all of them: ${failuresUri}`);
}

function printWarnings(terminal: Terminal, { warnings = [] }: RunDocument): void {
  if (warnings.length === 0) return;
  terminal.print(`\n${terminal.colours.yellow('Warnings')}:`);
  for (const { chunk, method, message } of warnings.slice(0, MOST_WARNINGS)) {
    terminal.print(`${chunk} ${method}: ${message}`);
  }
  const more = warnings.length - MOST_WARNINGS;
  if (more > 0) terminal.print(`... and ${formatCount(more)} more (with --json)`);
}

function summary({ colours }: Terminal, document: RunDocument): string {
  const { status, chunks, seconds, peakRssBytes } = document;
  if (status === 'completed' && chunks.total > 0 && chunks.skipped === chunks.total) {
    if (document.outputs.length === 0) return `Everything is prepared already. (${formatDuration(seconds)})`;
    return `All embeddings already exist, skipping. Use --overwrite to compute them again. (${formatDuration(seconds)})`;
  }
  const colour = status === 'completed' ? colours.green : status === 'partial' ? colours.yellow : colours.red;
  const counts = (['completed', 'skipped', 'failed', 'cancelled'] as const)
    .filter((state) => chunks[state] > 0)
    .map((state) => `${formatCount(chunks[state])} ${state}`);
  const without = cancelledMethods(document.methods, ({ cancelled }) => cancelled > 0);
  const memory = peakRssBytes === null ? '' : `, peak memory ${formatBytes(peakRssBytes)}`;
  return `${colour(status)}: ${formatCounted(chunks.total, 'chunk')} (${counts.join(', ')})${without} in ${formatDuration(seconds)}${memory}`;
}

function coloured({ colours }: Terminal, state: string): string {
  if (state === 'computed' || state === 'prepared') return colours.green(state);
  return state === 'failed' ? colours.red(state) : colours.dim(state);
}
