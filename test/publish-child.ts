/** Stages and publishes two arrays in a sandbox, slowly enough to be killed anywhere: `publish-child.ts BASE ATTEMPT PAUSE_MS`. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { arrayState } from '../core/anndata/obsm/array-state.js';
import { withChunkLock } from '../core/anndata/publish/chunk-lock.js';
import { publishLockFile } from '../core/anndata/publish/places.js';
import { preparePublication } from '../core/anndata/publish/publish-array.js';
import { publishSteps } from '../core/anndata/publish/publish-steps.js';
import { stageInput } from '../core/anndata/publish/stage-input.js';
import { QUIET } from '../core/tasks/types.js';
import {
  CELLS,
  CHUNK,
  claim,
  GS,
  PCA,
  provenanceFor,
  requestFor,
  type Sandbox,
  STAGING,
  valuesOf,
} from './publishing.js';

const [base = '', attempt = '', pause = '0'] = process.argv.slice(2);
const box: Sandbox = { base, output: join(base, CHUNK.output), staging: join(base, STAGING), remove: async () => {} };
const rest = () => sleep(Number(pause));

process.stdout.write('started\n');
for (const embedding of [GS, PCA]) {
  const expected = { rows: CELLS, dim: embedding.dim, provenance: provenanceFor(embedding), adoptable: false };
  if ((await arrayState(box.output, embedding.key, expected)).state === 'complete') continue;
  await stageInput({ base, chunk: CHUNK, staging: STAGING }, QUIET);
  const staged = await claim(box, embedding, `${attempt} embed`);
  const length = staged.blockRows * embedding.dim;
  for (let block = 0; block < staged.blocks; block++) {
    if (staged.done.has(block)) continue;
    await rest();
    await staged.writeBlock(block, valuesOf(embedding).subarray(block * length, (block + 1) * length));
  }
  await staged.seal(provenanceFor(embedding));
  const publication = await preparePublication(requestFor(box, embedding, `${attempt} publish`), QUIET);
  await withChunkLock(publishLockFile(base, CHUNK.output), QUIET, async (held) => {
    for (const step of publishSteps(publication)) {
      await held();
      await step.run();
      await rest();
    }
  });
}
process.stdout.write('finished\n');
