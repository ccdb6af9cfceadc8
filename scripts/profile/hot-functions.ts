import type { Profiler, Runtime } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from '../../core/package-root.js';

/** Seconds that a function itself ran, within one stage. */
export interface HotFunction {
  readonly stage: string;
  /** Name and place, e.g. "accumulate core/fits/gene-statistics.ts:101". */
  readonly name: string;
  readonly seconds: number;
}

/** The sampling profiler of V8, stage by stage. */
export class FunctionClock {
  readonly #session = new Session();
  readonly #seconds = new Map<string, Map<string, number>>();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: 500 });
  }

  async time<Result>(stage: string, work: () => Promise<Result>): Promise<Result> {
    await this.#session.post('Profiler.start');
    try {
      return await work();
    } finally {
      const { profile } = await this.#session.post('Profiler.stop');
      this.#add(stage, profile);
    }
  }

  /** Hottest first. */
  hottest(count: number): HotFunction[] {
    const all = [...this.#seconds].flatMap(([stage, functions]) =>
      [...functions].map(([name, seconds]) => ({ stage, name, seconds })),
    );
    return all.sort((a, b) => b.seconds - a.seconds).slice(0, count);
  }

  stop(): void {
    this.#session.disconnect();
  }

  #add(stage: string, { nodes, samples = [], timeDeltas = [] }: Profiler.Profile): void {
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    const sums = this.#seconds.get(stage) ?? new Map<string, number>();
    this.#seconds.set(stage, sums);
    samples.forEach((id, at) => {
      const name = names.get(id)!;
      sums.set(name, (sums.get(name) ?? 0) + timeDeltas[at]! / 1e6);
    });
  }
}

function nameOf({ functionName, url, lineNumber }: Runtime.CallFrame): string {
  const name = functionName || '(anonymous)';
  if (url.startsWith('file:')) return `${name} ${relative(PACKAGE_ROOT, fileURLToPath(url))}:${lineNumber + 1}`;
  return url ? `${name} ${url}` : name;
}
