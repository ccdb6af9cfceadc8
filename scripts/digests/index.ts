import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '../terminal/table.js';
import { processTerminal } from '../terminal/terminal.js';
import { differing, runDigests } from './digests.js';

const HELP = `Usage: npm run digests -- [options]

Embeds the bundled samples, divided into 10 chunks, with 1, 2 and 4 worker processes and batch sizes of 1, 32 and 128 cells,
each time from nothing, and prints the digest of each method's arrays. Ends with 0 where they are equal in all runs.

  --workers LIST      default 1,2,4
  --batch-sizes LIST  default 1,32,128
  --methods LIST      default hvg,pca,gs,gs10k,scvi_fm (with a tiny model that is no biology)
  --json              JSON on stdout in place of the table`;

const OPTIONS = {
  workers: { type: 'string', default: '1,2,4' },
  'batch-sizes': { type: 'string', default: '1,32,128' },
  methods: { type: 'string', default: 'hvg,pca,gs,gs10k,scvi_fm' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const CHUNK_CELLS = 40;

const { values } = parseArgs({ options: OPTIONS });
const terminal = processTerminal(values.json);
if (values.help) terminal.print(HELP);
else process.exitCode = await compare();

async function compare(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-digests-'));
  const methods = values.methods.split(',');
  try {
    const runs = await runDigests({
      ...{ folder, methods, chunkCells: CHUNK_CELLS },
      ...{ workers: numbers(values.workers), batchSizes: numbers(values['batch-sizes']) },
      onRun: (run) => terminal.log(`${run.workers} workers, batch size ${run.batchSize}: ${run.seconds.toFixed(1)} s`),
    });
    const different = differing(runs);
    if (values.json) terminal.printDocument({ runs, different });
    else {
      const numeric = ['workers', 'batch size'].map((title) => ({ title, align: 'right' as const }));
      const rows = runs.map(({ workers, batchSize, digests }) => [
        ...[String(workers), String(batchSize)],
        ...methods.map((method) => digests[method]!.slice(0, 12)),
      ]);
      terminal.print(formatTable(terminal, [...numeric, ...methods.map((title) => ({ title }))], rows));
      terminal.print(different.length === 0 ? '\nequal in all runs' : `\nDIFFERENT: ${different.join(', ')}`);
    }
    return different.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function numbers(list: string): number[] {
  const found = list.split(',').map(Number);
  if (found.every((number) => Number.isInteger(number) && number > 0)) return found;
  terminal.log(`Expected whole numbers of 1 or more, separated by commas, found ${list}`);
  process.exit(2);
}
