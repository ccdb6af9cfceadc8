import { expect, test } from 'vitest';
import { ObsmithError } from '../../core/errors.js';
import { type CommandEntry, type Outcome, runCommandLine } from './cli.js';

/** A command line tool with the one command `work`. */
async function run(work: () => Promise<Outcome>, ...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const loaded: string[] = [];
  const entry = (name: string): CommandEntry => ({
    names: [name],
    async load() {
      loaded.push(name);
      return { register: (program, cli) => void program.command(name).action(cli.action(work)) };
    },
  });
  const code = await runCommandLine(argv, [entry('work'), entry('other')], {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: {},
    cwd: '/',
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join(''), loaded };
}

const fails = (error: unknown) => () => Promise.reject(error);

test('only the command that is called is loaded', async () => {
  expect((await run(async () => ({ document: 1, print() {} }), 'work')).loaded).toEqual(['work']);
  expect((await run(async () => ({ document: 1, print() {} }), '--help')).loaded).toEqual(['work', 'other']);
});

test.each([0, 1, 3, 130] as const)('an outcome decides the exit code %i', async (exitCode) => {
  const outcome: Outcome = { document: { a: 1 }, exitCode, print: (terminal) => terminal.print('done') };
  expect(await run(async () => outcome, 'work')).toMatchObject({ code: exitCode, out: 'done\n', err: '' });
  expect(await run(async () => outcome, 'work', '--json')).toMatchObject({ code: exitCode, out: '{\n  "a": 1\n}\n' });
});

test.each([
  ['InvalidConfig', 2],
  ['MissingModel', 2],
  ['InsufficientSpace', 2],
  ['LeaseHeld', 2],
  ['Cancelled', 130],
  ['InvalidInput', 1],
  ['StoreUnavailable', 1],
  ['Internal', 1],
] as const)('%s ends with %i', async (type, code) => {
  const error = new ObsmithError({ type, message: 'what', remedy: 'do' });
  expect(await run(fails(error), 'work')).toMatchObject({ code, out: '', err: 'error what\n  → do\n' });
  expect(JSON.parse((await run(fails(error), 'work', '--json')).out)).toEqual({
    error: { type, message: 'what', remedy: 'do', problems: [] },
  });
});

test('an internal fault shows its stack and is a failure', async () => {
  const { code, out, err } = await run(fails(new TypeError('boom')), 'work');
  expect(code).toBe(1);
  expect(out).toBe('');
  expect(err).toContain('TypeError: boom\n    at ');
  expect(JSON.parse((await run(fails(new TypeError('boom')), 'work', '--json')).out).error).toMatchObject({
    type: 'Internal',
    message: 'boom',
  });
});

test('several problems are listed below the message, one stands for itself', async () => {
  const problem = { where: 'a.yaml', line: 3, message: 'wrong', remedy: 'right' };
  const one = new ObsmithError({ type: 'InvalidConfig', message: 'wrong', remedy: 'right', problems: [problem] });
  expect((await run(fails(one), 'work')).err).toBe('error a.yaml:3  wrong\n  → right\n');
  const two = new ObsmithError({
    type: 'InvalidConfig',
    message: '2 problems',
    remedy: 'all',
    problems: [problem, { message: 'b', remedy: 'c' }],
  });
  expect((await run(fails(two), 'work')).err).toBe(
    'error 2 problems\n  a.yaml:3  wrong\n    → right\n  b\n    → c\n  → all\n',
  );
});
