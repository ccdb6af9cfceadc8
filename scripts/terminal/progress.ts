import { formatCount, formatDuration, formatRate } from './format.js';
import type { Terminal } from './terminal.js';

/** One look at work that goes on. */
export interface ProgressView {
  /** What is being done: "embedding", "importing pbmc.h5ad". */
  readonly stage: string;
  readonly done: number;
  /** 0 where it is not known yet. */
  readonly total: number;
  /** What is counted: "cells", "bytes". */
  readonly unit: string;
  /** Both are measured here where the caller does not know them. */
  readonly perSecond?: number;
  readonly etaSeconds?: number | null;
  /** Said at the end, e.g. "3/8 chunks, 1 failed" or "waiting for: obsmith worker gpu". */
  readonly detail?: string;
}

const BAR_WIDTH = 24;
const SEPARATOR = ' · ';
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;

/** A line that is redrawn on a terminal, plain lines every 5 s (and at each new stage or detail) elsewhere, nothing with `--json`. */
export class ProgressLine {
  readonly #terminal: Terminal;
  #started = performance.now();
  #startedAt = 0;
  #stage = '';
  #shown = '';
  #lastWrite = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(view: ProgressView): void {
    if (this.#terminal.json) return;
    const now = performance.now();
    if (view.stage !== this.#stage) this.#enterStage(view, now);
    const news = `${view.stage}|${view.detail ?? ''}`;
    const pause = this.#terminal.live ? REDRAW_MS : PLAIN_LINE_MS;
    if (news === this.#shown && now - this.#lastWrite < pause) return;
    this.#shown = news;
    this.#lastWrite = now;
    const text = this.#describe(view, now);
    if (this.#terminal.live) this.#terminal.drawLive(text);
    else this.#terminal.log(text);
  }

  /** Removes the live line; what comes next stands in its place. */
  end(): void {
    if (!this.#terminal.json && this.#terminal.live) this.#terminal.drawLive('');
  }

  #enterStage(view: ProgressView, now: number): void {
    this.#stage = view.stage;
    this.#started = now;
    this.#startedAt = view.done;
  }

  #describe(view: ProgressView, now: number): string {
    const colours = this.#terminal.logColours;
    const seconds = (now - this.#started) / 1000;
    const perSecond = view.perSecond ?? (seconds > 0.5 ? (view.done - this.#startedAt) / seconds : 0);
    const left = Math.max(0, view.total - view.done);
    const eta =
      view.etaSeconds !== undefined ? view.etaSeconds : perSecond > 0 && view.total > 0 ? left / perSecond : null;
    const known = view.total > 0;
    const parts = [
      known ? `${formatCount(view.done)}/${formatCount(view.total)} ${view.unit}` : '',
      known ? `${Math.floor((100 * view.done) / view.total)} %` : '',
      perSecond > 0 ? formatRate(perSecond, view.unit) : '',
      known && eta !== null && left > 0 ? `ETA ${formatDuration(eta)}` : '',
      view.detail ?? '',
    ].filter((part) => part !== '');
    if (!this.#terminal.live) return `${view.stage}${parts.length > 0 ? ': ' : ''}${parts.join(', ')}`;
    const head = known ? [view.stage, '━'.repeat(BAR_WIDTH)] : [view.stage];
    const room = this.#terminal.logWidth - 1 - head.join(' ').length - 1;
    const shown = fitting(parts, room).join(colours.dim(SEPARATOR));
    const bar = known ? `${drawBar(view.done / view.total, colours)} ` : '';
    return `${colours.bold(view.stage)} ${bar}${shown}`;
  }
}

/** As many of the parts as a line has room for; the first that does not fit is cut. */
function fitting(parts: readonly string[], room: number): string[] {
  const shown: string[] = [];
  let left = room;
  for (const part of parts) {
    if (left <= 0) break;
    shown.push(part.length > left ? `${part.slice(0, left - 1)}…` : part);
    left -= part.length + SEPARATOR.length;
  }
  return shown;
}

function drawBar(fraction: number, colours: Terminal['logColours']): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
  return colours.green('━'.repeat(filled)) + colours.dim('━'.repeat(BAR_WIDTH - filled));
}
