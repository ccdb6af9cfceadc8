import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { built } from '../../core/package-root.js';

/** Workers load it before they poll; the SDK itself is 1.65 MB of it. */
const MOST_BYTES = 2_200_000;

it('the workflow bundle is small and holds nothing of core or activities: workflows only orchestrate', async () => {
  const bundle = await readFile(built('workflow-bundle.js'), 'utf8');
  expect(bundle.length).toBeLessThan(MOST_BYTES);
  const modules = [...bundle.matchAll(/^\/\*\*\*\/ "\.\/([^"]+)"/gm)].map(([, path]) => path!);
  const own = modules.filter((path) => path.includes('dist/') && !path.includes('node_modules'));
  expect(own).toContain('dist/workflows/embed-dataset.js');
  expect(own.filter((path) => !path.startsWith('dist/workflows/'))).toEqual([]);
});
