import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { importFolder, inputFolder, resolveInside } from '../dataset/layout.js';
import { acquireLease, type LeaseOwner, releaseLease } from '../dataset/lease.js';
import { fromSystemError, invalidInput, isObsmithError, ObsmithError, type Problem } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';
import { importFile } from './import-file.js';
import { openSource, type SourceKind, sourceKind } from './open-source.js';
import { fileLabels, type ImportSettings, importSettings } from './options.js';
import { ChunkNumbers } from './split-writer.js';
import type { FileReport, ImportedChunk, ImportOptions, ImportReport } from './types.js';

/**
 * Imports raw files (h5ad, 10x h5, 10x mtx) as chunks below `processed/`, file by file, streaming row blocks: peak memory
 * depends on the genes and (a few bytes each) the cells. The data set appears as a whole when all is written; until then
 * it lies in `.obsmith/`. Progress counts bytes of input. InvalidConfig for wrong options, InvalidInput for inputs that
 * cannot be imported (all of them are listed) or a data set that exists.
 */
export async function importFiles(options: ImportOptions, ctx: TaskContext): Promise<ImportReport> {
  const started = performance.now();
  const settings = importSettings(options);
  const { base, dataset, divided } = settings;
  const root = inputFolder(divided, dataset);
  const target = await resolveInside(base, root);
  const staging = join(base, importFolder(dataset));
  await refuseExisting(target, settings);
  const kinds = await sourceKinds(settings);
  try {
    // The first thing that a new user does: the base folder comes into being with its first data set.
    await mkdir(base, { recursive: true });
    await rm(staging, { recursive: true, force: true });
    const { files, chunks } = await stageFiles(settings, kinds, { root, staging }, ctx);
    await publish(settings, join(staging, 'dataset'), target, join(staging, 'replaced'));
    const cells = chunks.reduce((sum, chunk) => sum + chunk.cells, 0);
    return { dataset, root, files, chunks, cells, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    throw fromSystemError(error, staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function refuseExisting(target: string, { dataset, overwrite }: ImportSettings): Promise<void> {
  if (overwrite || !(await hasEntries(target))) return;
  throw invalidInput(
    `Data set ${dataset} exists already: ${target}`,
    'Choose another --dataset, or replace it with --overwrite.',
  );
}

async function hasEntries(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fromSystemError(error, folder);
  }
}

/** What every input is; all that cannot be imported are listed in one InvalidInput. */
async function sourceKinds({ files }: ImportSettings): Promise<SourceKind[]> {
  const problems: Problem[] = [];
  const kinds: SourceKind[] = [];
  for (const { path } of files) {
    try {
      kinds.push(await sourceKind(path));
    } catch (error) {
      if (!isObsmithError(error)) throw error;
      problems.push({ where: path, message: error.message, remedy: error.remedy });
    }
  }
  if (problems.length === 0) return kinds;
  const message = problems.length === 1 ? problems[0]!.message : `${problems.length} files cannot be imported`;
  throw new ObsmithError({ type: 'InvalidInput', message, remedy: problems[0]!.remedy, problems });
}

async function stageFiles(
  settings: ImportSettings,
  kinds: readonly SourceKind[],
  { root, staging }: { readonly root: string; readonly staging: string },
  ctx: TaskContext,
): Promise<{ files: FileReport[]; chunks: ImportedChunk[] }> {
  const { chunkCells, countLayerKey } = settings;
  const paths = settings.files.map(({ path }) => path);
  const labels = fileLabels(paths);
  const bytes = await Promise.all(paths.map(bytesOf));
  const allBytes = bytes.reduce((sum, size) => sum + size, 0);
  const numbers = new ChunkNumbers();
  const files: FileReport[] = [];
  const chunks: ImportedChunk[] = [];
  let before = 0;
  for (const [at, { path, split }] of settings.files.entries()) {
    const spoolFolder = join(staging, 'entries');
    const source = await openSource(path, kinds[at]!, { countLayerKey, spoolFolder });
    const size = bytes[at]!;
    const ofAll: TaskContext = {
      progress: (done, total) => ctx.progress(Math.round(before + (size * done) / Math.max(1, total)), allBytes),
      checkCancelled: () => ctx.checkCancelled(),
    };
    try {
      const target = { folder: join(staging, 'dataset'), root, chunkCells, numbers };
      const imported = await importFile({ source, split, label: labels[at]!, settings, target }, ofAll);
      files.push(imported.report);
      chunks.push(...imported.chunks);
    } finally {
      await source.close();
      await rm(spoolFolder, { recursive: true, force: true });
    }
    before += size;
  }
  return { files, chunks };
}

/** Size of a file, or of the files in a folder. */
async function bytesOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => stat(join(path, name))));
  return sizes.reduce((sum, entry) => sum + entry.size, 0);
}

/** Renames the staged data set into place under the data set's lease, so that no run reads chunks that are being replaced. */
async function publish(
  { base, dataset }: ImportSettings,
  staged: string,
  target: string,
  replaced: string,
): Promise<void> {
  const owner: LeaseOwner = { owner: `import-${dataset}`, server: 'none', pid: process.pid };
  await acquireLease(base, dataset, owner);
  try {
    await mkdir(dirname(target), { recursive: true });
    if (await hasEntries(target)) await rename(target, replaced);
    await rename(staged, target);
  } catch (error) {
    throw renameError(error, staged, target);
  } finally {
    await releaseLease(base, dataset, owner);
  }
}

function renameError(error: unknown, staged: string, target: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EXDEV') return error;
  return invalidInput(
    `${target} lies on another file system than ${staged}`,
    'Keep processed/ and .obsmith/ of a base folder on one file system.',
    error,
  );
}
