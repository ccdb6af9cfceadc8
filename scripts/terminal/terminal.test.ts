import { describe, expect, test, vi } from 'vitest';
import { formatBytes, formatCount, formatCounted, formatDuration, formatRate } from './format.js';
import { ProgressLine } from './progress.js';
import { formatTable } from './table.js';
import { Terminal } from './terminal.js';

function terminal({
  tty = false,
  json = false,
  env = {},
  columns = 60,
}: {
  tty?: boolean;
  json?: boolean;
  env?: NodeJS.ProcessEnv;
  columns?: number;
} = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const stream = (lines: string[]) => ({
    write: (text: string) => lines.push(text),
    ...(tty ? { isTTY: true, columns } : {}),
  });
  const host = { stdout: stream(out), stderr: stream(err), env, cwd: '/', signal: new AbortController().signal };
  return { terminal: new Terminal(host, json), out, err };
}

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [1_536_000, '1.5 MB'],
  [999_999, '1.0 MB'],
  [123_456_789, '123 MB'],
  [40e9, '40.0 GB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [0.42, '0.4 s'],
  [9.97, '10 s'],
  [59.7, '1 min 00 s'],
  [75, '1 min 15 s'],
  [3599.9, '1 h 00 min'],
  [4000, '1 h 07 min'],
  [86_399, '1 d 0 h'],
  [200_000, '2 d 8 h'],
])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test('counts and rates', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([formatCounted(1, 'chunk'), formatCounted(0, 'chunk')]).toEqual(['1 chunk', '0 chunks']);
  expect(formatRate(1240.4, 'cells')).toBe('1,240 cells/s');
  expect(formatRate(0.52, 'cells')).toBe('0.5 cells/s');
});

describe('colour', () => {
  test.each([
    [{ tty: true }, true],
    [{ tty: false }, false],
    [{ tty: true, env: { NO_COLOR: '1' } }, false],
    [{ tty: true, env: { TERM: 'dumb' } }, false],
  ])('%j', (options, coloured) => {
    expect(terminal(options).terminal.colours.red('x') !== 'x').toBe(coloured);
  });
});

describe('tables', () => {
  const columns = [{ title: 'name' }, { title: 'cells', align: 'right' }] as const;

  test('numbers stand right, and nothing is cut where there is no terminal', () => {
    const long = 'x'.repeat(120);
    expect(
      formatTable(terminal().terminal, columns, [
        ['a', '1'],
        [long, '12,000'],
      ]),
    ).toBe(
      [
        `name${' '.repeat(116)}   cells`,
        `${'─'.repeat(120)}  ──────`,
        `a${' '.repeat(119)}       1`,
        `${long}  12,000`,
      ].join('\n'),
    );
  });

  test('on a terminal the widest text is shortened until rows fit; colours do not count', () => {
    const { terminal: narrow } = terminal({ tty: true, columns: 30 });
    const table = formatTable(narrow, columns, [[narrow.colours.red('x'.repeat(60)), '12,000']]);
    expect(table.split('\n').at(-1)).toBe(`${'x'.repeat(21)}…  12,000`);
  });
});

describe('progress', () => {
  const view = { stage: 'embedding', done: 50, total: 200, unit: 'cells', perSecond: 10, etaSeconds: 15 };

  test('is a plain line where there is no terminal, at most every 5 s unless something new is to be said', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { terminal: piped, err, out } = terminal();
    const line = new ProgressLine(piped);
    line.show(view);
    line.show({ ...view, done: 60 });
    line.show({ ...view, done: 60, detail: 'waiting for: obsmith worker gpu' });
    vi.advanceTimersByTime(5000);
    line.show({ ...view, done: 200, etaSeconds: 0, detail: 'waiting for: obsmith worker gpu' });
    vi.useRealTimers();
    expect(err).toEqual([
      'embedding: 50/200 cells, 25 %, 10 cells/s, ETA 15 s\n',
      'embedding: 60/200 cells, 30 %, 10 cells/s, ETA 15 s, waiting for: obsmith worker gpu\n',
      'embedding: 200/200 cells, 100 %, 10 cells/s, waiting for: obsmith worker gpu\n',
    ]);
    expect(out).toEqual([]);
  });

  test('measures rate and time left where the caller does not know them', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { terminal: piped, err } = terminal();
    const line = new ProgressLine(piped);
    line.show({ stage: 'importing', done: 0, total: 1000, unit: 'cells' });
    vi.advanceTimersByTime(10_000);
    line.show({ stage: 'importing', done: 250, total: 1000, unit: 'cells' });
    vi.useRealTimers();
    expect(err.at(-1)).toBe('importing: 250/1,000 cells, 25 %, 25 cells/s, ETA 30 s\n');
  });

  test('is one line that is drawn anew on a terminal, never wider than it, and makes room for logs', () => {
    const { terminal: live, err } = terminal({ tty: true, env: { NO_COLOR: '1' }, columns: 60 });
    const line = new ProgressLine(live);
    line.show({ ...view, detail: 'a very long detail that does not fit on this line at all' });
    expect(err.join('').replace('\r\u001b[2K', '').length).toBeLessThan(60);
    live.log('news');
    expect(err.slice(1, 3)).toEqual(['\r\u001b[2K', 'news\n']);
    expect(err[3]).toBe(err[0]);
    line.end();
    expect(err.at(-1)).toBe('\r\u001b[2K');
  });

  test('says nothing with --json', () => {
    const { terminal: silent, err, out } = terminal({ json: true, tty: true });
    const line = new ProgressLine(silent);
    line.show(view);
    line.end();
    expect([...err, ...out]).toEqual([]);
  });
});
