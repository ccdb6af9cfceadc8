// Preloaded (node --import) into the workers of `npm run faults` and of tests: makes ONNX Runtime run what is meant for a
// GPU on the CPU, and lets forward passes and files fail as OBSMITH_FAULTS says. It stands outside of the product, which has
// no switch for any of this: a worker of a user cannot be told to fail.
//
// OBSMITH_FAULTS is JSON: { folder, passes: [...], files: [...], pauseFactor }
//   folder       where passes and faults are noted, since processes are replaced
//   passes       { from, to, rowsOver, message | crash }: the from-th to to-th pass of all processes, of more than rowsOver rows
//   files        { path, code, from, to }: the from-th to to-th opening of files whose path matches
//   pauseFactor  what pauses before another attempt are multiplied with
import fs, { appendFileSync, readFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const require = createRequire(import.meta.url);
const { folder, passes = [], files = [], pauseFactor = 1 } = JSON.parse(process.env.OBSMITH_FAULTS);

/** Notes an event and gives its number, from 1. */
function note(name, line) {
  const file = join(folder, name);
  appendFileSync(file, `${line}\n`);
  return readFileSync(file, 'utf8').split('\n').length - 1;
}

const isDue = ({ from = 1, to = Infinity }, number) => number >= from && number <= to;

if (isMainThread) shortenPauses();
else injectPasses();
if (files.length > 0) injectFiles();

function injectPasses() {
  const { InferenceSession } = require('onnxruntime-node');
  const create = InferenceSession.create.bind(InferenceSession);
  InferenceSession.create = async (graph, options) => {
    const session = await create(graph, { ...options, executionProviders: ['cpu'] });
    if (typeof graph !== 'string') return session; // The probe.
    const run = session.run.bind(session);
    session.run = async (feeds) => {
      const rows = Object.values(feeds)[0].dims[0];
      const number = note('passes', `${process.pid} ${rows}`);
      for (const fault of passes) {
        if (!isDue(fault, number) || rows <= (fault.rowsOver ?? 0)) continue;
        if (fault.crash) crash(fault);
        throw new Error(fault.message);
      }
      return run(feeds);
    };
    return session;
  };
}

function crash({ crash: signal, message }) {
  process._rawDebug(message); // Straight to stderr: a thread's stream would need an event loop that lives on.
  process.kill(process.pid, signal);
}

function injectFiles() {
  const rules = files.map(({ path, ...rule }, index) => ({ ...rule, path: new RegExp(path), name: `files-${index}` }));
  const refuse = (call, path) => {
    for (const rule of rules) {
      if (!rule.path.test(path) || !isDue(rule, note(rule.name, path))) continue;
      throw Object.assign(new Error(`${rule.code}: injected, ${call} '${path}'`), { code: rule.code, path });
    }
  };
  for (const call of ['open', 'readFile', 'writeFile', 'mkdir']) {
    const real = promises[call];
    promises[call] = async (path, ...args) => {
      refuse(call, String(path));
      return real(path, ...args);
    };
  }
  const { openSync } = fs; // Matrices are read by it.
  fs.openSync = (path, ...args) => {
    refuse('openSync', String(path));
    return openSync(path, ...args);
  };
  syncBuiltinESMExports();
}

function shortenPauses() {
  const { ApplicationFailure } = require('@temporalio/common');
  const create = ApplicationFailure.create.bind(ApplicationFailure);
  ApplicationFailure.create = ({ nextRetryDelay, ...options }) =>
    create({ ...options, ...(nextRetryDelay === undefined ? {} : { nextRetryDelay: nextRetryDelay * pauseFactor }) });
}
