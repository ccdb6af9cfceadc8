import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatTable } from '../terminal/table.js';
import { Terminal } from '../terminal/terminal.js';

/** Options that every suite has, as `parseArgs` wants them, with their help. */
export const REPORT_OPTIONS = {
  save: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export const REPORT_HELP = `  --save FILE      the numbers as JSON to this file, too
  --json           JSON on stdout in place of the table`;

/** A table of names and numbers: the first column stands left, the others right. */
export function numbersTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const { stdout, stderr, env } = process;
  const streams = { stdout, stderr, env, cwd: process.cwd(), signal: new AbortController().signal };
  const columns = titles.map((title, at) => ({ title, align: at === 0 ? ('left' as const) : ('right' as const) }));
  return formatTable(new Terminal(streams, false), columns, rows);
}

/** Prints the report as the person asked for it. */
export async function printReport(
  report: unknown,
  text: string,
  { save, json }: { readonly save?: string | undefined; readonly json: boolean },
): Promise<void> {
  const document = JSON.stringify(report, null, 2);
  if (save) {
    await mkdir(dirname(save), { recursive: true });
    await writeFile(save, `${document}\n`);
  }
  console.log(json ? document : text);
}
