import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from './terminal.js';

export interface Column {
  readonly title: string;
  /** Numbers stand right. */
  readonly align?: 'left' | 'right';
}

const GAP = '  ';
const SHORTEST = 8;

/**
 * Rows under titles, two spaces apart. Cells may be coloured. On a terminal the widest left-aligned column is shortened
 * until a row fits; elsewhere nothing is ever cut.
 */
export function formatTable(
  terminal: Terminal,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map((column, i) => Math.max(column.title.length, ...rows.map((row) => visible(row[i] ?? ''))));
  if (terminal.live) shrink(widths, columns, terminal.width);
  const line = (cells: readonly string[]) =>
    columns
      .map((column, i) => fit(cells[i] ?? '', widths[i]!, column.align ?? 'left'))
      .join(GAP)
      .trimEnd();
  const head = terminal.colours.bold(line(columns.map((column) => column.title)));
  const rule = terminal.colours.dim(widths.map((width) => '─'.repeat(width)).join(GAP));
  return [head, rule, ...rows.map(line)].join('\n');
}

/** Names and values in two columns, e.g. the facts above a table. */
export function formatFacts(terminal: Terminal, facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${terminal.colours.dim(name.padEnd(width))}${GAP}${value}`).join('\n');
}

function shrink(widths: number[], columns: readonly Column[], available: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - available;
  while (excess > 0) {
    const widest = widths.reduce(
      (best, width, i) =>
        columns[i]!.align !== 'right' && width > SHORTEST && (best < 0 || width > widths[best]!) ? i : best,
      -1,
    );
    if (widest < 0) return;
    widths[widest]!--;
    excess--;
  }
}

function fit(cell: string, width: number, align: 'left' | 'right'): string {
  const length = visible(cell);
  if (length > width) return `${stripVTControlCharacters(cell).slice(0, width - 1)}…`;
  const space = ' '.repeat(width - length);
  return align === 'right' ? space + cell : cell + space;
}

const visible = (cell: string) => stripVTControlCharacters(cell).length;
