// Preloaded into the workers of a chaos run: notes every row block whose writing begins (OBSMITH_CHAOS_BLOCKS) and takes
// its time to write it, so that kills hit arrays between their checkpoints; and lets writes fail for as long as a file
// (OBSMITH_CHAOS_FAULT) says with which code and below which folder.
import { appendFileSync, readFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const { OBSMITH_CHAOS_BLOCKS: noted, OBSMITH_CHAOS_FAULT: faultFile } = process.env;
const ROW_BLOCK = /\/X_[^/]+\/attempt-[^/]+\/array\/\.\d+\.0\.[0-9a-f]+\.partial$/;

const BLOCK_MS = Number(process.env.OBSMITH_CHAOS_BLOCK_MS ?? 40);

const real = { ...promises };
const failing = {
  open: (path, flags = 'r') => flags !== 'r' && path,
  writeFile: (path) => path,
  mkdir: (path) => path,
  rename: (_, path) => path,
  copyFile: (_, path) => path,
};
/** What a full disk still lets one do. */
const WITHOUT_SPACE = new Set(['rename']);

for (const [name, written] of Object.entries(failing)) {
  promises[name] = async (...args) => {
    const path = written(...args);
    if (path) refuse(name, String(path));
    if (name === 'open' && ROW_BLOCK.test(String(path))) {
      appendFileSync(noted, `${path}\n`);
      await sleep(BLOCK_MS);
    }
    return real[name](...args);
  };
}
syncBuiltinESMExports();

function refuse(call, path) {
  const fault = readFault();
  if (!fault || !path.startsWith(fault.below) || (fault.code === 'ENOSPC' && WITHOUT_SPACE.has(call))) return;
  throw Object.assign(new Error(`${fault.code}: injected, ${call} '${path}'`), { code: fault.code });
}

function readFault() {
  try {
    return JSON.parse(readFileSync(faultFile, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}
