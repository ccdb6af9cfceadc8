import { models } from './models.js';
import { orchestration } from './orchestration.js';
import { reading } from './reading.js';
import { singleCell } from './single-cell.js';

const SUITES: Readonly<Record<string, (args: string[]) => Promise<void>>> = {
  'single-cell': singleCell,
  orchestration,
  models,
  reading,
};

const [name, ...args] = process.argv.slice(2);
const suite = SUITES[name ?? ''];
if (!suite) {
  console.error(`Usage: npm run bench -- SUITE [options]\nSuites: ${Object.keys(SUITES).join(', ')}`);
  process.exit(2);
}
await suite(args);
