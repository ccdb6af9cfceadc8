import { readFileSync } from 'node:fs';

/** What one stage took, all of its tasks together. */
export interface Stage {
  readonly stage: string;
  readonly tasks: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Bytes that went through system calls, in the page cache or not (Linux). */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Adds up what stages take; they run one after the other. */
export class StageClock {
  readonly #stages = new Map<string, Stage>();

  async time<Result>(stage: string, work: () => Promise<Result>): Promise<Result> {
    const before = reading();
    try {
      return await work();
    } finally {
      this.#add(stage, before, reading());
    }
  }

  /** In the order in which they first ran. */
  get stages(): Stage[] {
    return [...this.#stages.values()];
  }

  #add(stage: string, before: Reading, after: Reading): void {
    const sum = this.#stages.get(stage);
    this.#stages.set(stage, {
      stage,
      tasks: (sum?.tasks ?? 0) + 1,
      seconds: (sum?.seconds ?? 0) + after.seconds - before.seconds,
      cpuSeconds: (sum?.cpuSeconds ?? 0) + after.cpuSeconds - before.cpuSeconds,
      bytesRead: (sum?.bytesRead ?? 0) + after.bytesRead - before.bytesRead,
      bytesWritten: (sum?.bytesWritten ?? 0) + after.bytesWritten - before.bytesWritten,
    });
  }
}

type Reading = Pick<Stage, 'seconds' | 'cpuSeconds' | 'bytesRead' | 'bytesWritten'>;

function reading(): Reading {
  const io = readFileSync('/proc/self/io', 'utf8');
  const { user, system } = process.cpuUsage();
  return {
    seconds: performance.now() / 1000,
    cpuSeconds: (user + system) / 1e6,
    bytesRead: Number(/^rchar: (\d+)$/m.exec(io)![1]),
    bytesWritten: Number(/^wchar: (\d+)$/m.exec(io)![1]),
  };
}
