import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatCount } from '../terminal/format.js';
import { formatFacts } from '../terminal/table.js';
import { processTerminal } from '../terminal/terminal.js';
import { type ChaosReport, runChaos } from './chaos.js';
import { chaosDisk } from './disk.js';

const HELP = `Usage: npm run chaos -- [options]

Embeds a data set of 12 chunks with two worker processes on a development server while worker processes are killed
(kill -9) at random moments, the server once, and the disk is full and read-only for a while. A reader polls the outputs.
Ends with 0 where all outputs have the bytes of an undisturbed run and the reader never saw a partial array, else with 1.

  --kills N    kills of worker processes, default 50
  --seed S     seed of data, moments and victims, default 1
  --json       JSON on stdout in place of the table`;

const OPTIONS = {
  kills: { type: 'string', default: '50' },
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const WORKERS = 2;
const PAUSE_MS = 5_000;
const FAULT_MS = 6_000;

const { values } = parseArgs({ options: OPTIONS });
const terminal = processTerminal(values.json);
if (values.help) terminal.print(HELP);
else process.exitCode = await chaos(positive('kills', values.kills), positive('seed', values.seed));

function positive(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  terminal.log(`--${name} must be a whole number of 1 or more, found ${text}`);
  process.exit(2);
}

async function chaos(kills: number, seed: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-chaos-'));
  const faultFile = join(folder, 'fault.json');
  const disk = await chaosDisk(join(folder, 'disk'), faultFile);
  try {
    const report = await runChaos({
      ...{ folder: join(folder, 'server'), disk, faultFile, kills, seed },
      ...{ workers: WORKERS, pauseMs: PAUSE_MS, faultMs: FAULT_MS },
      say: (line) => terminal.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
    });
    if (values.json) terminal.printDocument(report);
    else print(report);
    return report.digest.equal && report.reader.violations.length === 0 ? 0 : 1;
  } finally {
    await disk.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

function print({ disk, rows, reader, digest, differences, ...report }: ChaosReport): void {
  const { recomputed, needed, resumed } = rows;
  terminal.print(
    formatFacts(terminal, [
      ['kills survived', `${report.workerKills} of workers, ${report.serverKills} of the server`],
      ['disk', `${disk}: full once, read-only once`],
      [
        'runs',
        `${report.runs} in ${report.seconds.toFixed(0)} s (undisturbed ${report.undisturbedSeconds.toFixed(1)} s)`,
      ],
      [
        'rows recomputed',
        `${formatCount(recomputed)} of ${formatCount(needed)} (${((100 * recomputed) / needed).toFixed(1)} %); ${formatCount(resumed)} taken over from killed attempts`,
      ],
      [
        'reader',
        `${formatCount(reader.polls)} polls, ${reader.arraysSeen} arrays appeared, ${reader.violations.length} partial`,
      ],
      ['digest', `${digest.equal ? 'equal' : 'DIFFERENT'} ${digest.undisturbed.slice(0, 16)}`],
    ]),
  );
  for (const line of [...reader.violations, ...differences]) terminal.print(`  ${line}`);
}
