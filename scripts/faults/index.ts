import { parseArgs } from 'node:util';
import { startTestServer } from '../../test/temporal/server.js';
import { formatTable } from '../terminal/table.js';
import { processTerminal } from '../terminal/terminal.js';
import { CASES, type FaultCase } from './cases.js';
import { type PlayedCase, playCase } from './play-case.js';

const HELP = `Usage: npm run faults -- [options] [CASE...]

Plays errors of devices and file systems in whole runs on a Temporal server, one after the other, and prints what became of
them: attempts, batch sizes, processes, outcome. The GPU is played by the CPU. Ends with 1 where bytes differ.

  --json       JSON on stdout in place of the table
CASE           ${Object.keys(CASES).join(', ')}`;

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  allowPositionals: true,
});
const terminal = processTerminal(values.json);
interface Row {
  readonly name: string;
  readonly fault: FaultCase;
  readonly played: PlayedCase;
  readonly sameBytes: boolean | null;
}

async function faults(names: readonly string[]): Promise<number> {
  const server = await startTestServer();
  try {
    const play = (name: string): Promise<PlayedCase> =>
      playCase(server.client, server.address, name, CASES[name as keyof typeof CASES]);
    const [undisturbed] = (await play('none')).values;
    const rows: Row[] = [];
    for (const name of names) {
      terminal.log(name);
      const played = await play(name);
      const sameBytes =
        played.values.length === 0 ? null : played.values.every((values) => equal(values, undisturbed!));
      rows.push({ name, fault: CASES[name as keyof typeof CASES], played, sameBytes });
    }
    if (values.json) terminal.printDocument(rows.map(documentOf));
    else terminal.print(formatTable(terminal, COLUMNS, rows.map(cellsOf)));
    return rows.every(({ sameBytes }) => sameBytes !== false) ? 0 : 1;
  } finally {
    await server.stop();
  }
}

const equal = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

const COLUMNS = [
  { title: 'error in' },
  { title: 'attempts' },
  { title: 'batch sizes' },
  { title: 'processes', align: 'right' as const },
  { title: 'outcome' },
];

function cellsOf({ fault, played, sameBytes }: Row): string[] {
  const { activities, processes, failure, worker } = played;
  const chunks = new Set(activities.map(({ chunk }) => chunk));
  const byChunk = (value: (activity: PlayedCase['activities'][number]) => number): string =>
    [...chunks]
      .map((of) =>
        activities
          .filter(({ chunk }) => chunk === of)
          .map(value)
          .join(' '),
      )
      .join(' | ');
  const outcome =
    failure === null ? `computed, ${sameBytes ? 'same bytes' : 'OTHER BYTES'}` : `failed: ${failure.type}`;
  const stopped = worker === null ? '' : `; the worker stopped (${worker.code})`;
  return [
    fault.name,
    byChunk(({ attempts }) => attempts),
    byChunk(({ batchSize }) => batchSize),
    String(processes),
    `${outcome}${stopped}`,
  ];
}

const documentOf = ({ name, fault, played, sameBytes }: Row) => {
  const { values: _values, worker, ...rest } = played;
  return { case: name, error: fault.name, ...rest, workerCode: worker?.code ?? null, sameBytes };
};

if (values.help) terminal.print(HELP);
else process.exitCode = await faults(positionals.length > 0 ? positionals : Object.keys(CASES));
