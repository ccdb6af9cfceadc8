import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Makes the next reading of files come from the disk (Linux, GNU dd). */
export async function dropFromPageCache(paths: readonly string[]): Promise<void> {
  const drop = ['-type', 'f', '-exec', 'dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none', ';'];
  await promisify(execFile)('find', [...paths, ...drop]);
}
