import { mkdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../core/anndata/zarr-write/atomic-file.js';
import { serverFile } from '../core/dataset/layout.js';
import { fromSystemError } from '../core/errors.js';
import { isRunning } from '../core/machine/process-running.js';

/** Content of `.obsmith/server.json`: the server that serves a base folder to all machines which mount it. */
export interface ServerRecord {
  readonly address: string;
  /** Where `obsmith dev` runs, and as which process. */
  readonly host: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly started: string;
}

/** A record and the file that it stands in. */
export interface RecordedServer extends ServerRecord {
  readonly file: string;
}

/** Records that this process serves a base folder at an address; gives the function that takes the record back. */
export async function recordServer(base: string, address: string): Promise<() => Promise<void>> {
  const file = join(base, serverFile());
  const record: ServerRecord = {
    ...{ address, host: hostname(), pid: process.pid },
    started: new Date().toISOString(),
  };
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, `${JSON.stringify(record, null, 2)}\n`);
  } catch (error) {
    throw fromSystemError(error, file);
  }
  return async () => {
    const found = await readRecord(file);
    // Another server may have taken over meanwhile.
    if (found?.host === record.host && found.pid === record.pid) await rm(file, { force: true });
  };
}

/** The first record in one of these base folders. One that a crash left behind on this host counts as none. */
export async function recordedServer(bases: readonly string[]): Promise<RecordedServer | null> {
  for (const base of new Set(bases)) {
    const file = join(base, serverFile());
    const record = await readRecord(file);
    if (record === null || (record.host === hostname() && !isRunning(record.pid))) continue;
    return { ...record, file };
  }
  return null;
}

/** Null where there is none, or none that can be understood: it is written whole, so it is not ours. */
async function readRecord(file: string): Promise<ServerRecord | null> {
  try {
    const record = JSON.parse(await readFile(file, 'utf8')) as Partial<ServerRecord> | null;
    const { address, host, pid, started } = record ?? {};
    if (typeof address !== 'string' || typeof host !== 'string' || typeof pid !== 'number') return null;
    return { address, host, pid, started: started ?? 'unknown' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return null;
    throw fromSystemError(error, file);
  }
}
