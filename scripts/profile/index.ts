import { profileSingleCell } from './single-cell.js';

const [name, ...args] = process.argv.slice(2);
if (name !== 'single-cell') {
  console.error('Usage: npm run profile -- single-cell [options]');
  process.exit(2);
}
await profileSingleCell(args);
