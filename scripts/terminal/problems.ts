import { isObsmithError, type Problem } from '../../core/errors.js';
import type { Colours } from './terminal.js';

/** "conf/pbmc.yaml:12  message" with the remedy below it. */
export function formatProblem(problem: Problem, colours: Colours): string {
  const place = [problem.where, problem.line].filter((part) => part !== undefined).join(':');
  const head = place === '' ? problem.message : `${colours.cyan(place)}  ${problem.message}`;
  return `${head}\n${remedyLine(problem.remedy, colours)}`;
}

/** An error with all its problems, for people. */
export function formatError(error: unknown, colours: Colours): string {
  if (!isObsmithError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${colours.red('error')} ${text}`;
  }
  const [first, ...others] = error.problems;
  if (first !== undefined && others.length === 0) return `${colours.red('error')} ${formatProblem(first, colours)}`;
  const lines = [`${colours.red('error')} ${error.message}`];
  for (const problem of error.problems) lines.push(indent(formatProblem(problem, colours)));
  if (error.problems.every((problem) => problem.remedy !== error.remedy)) lines.push(remedyLine(error.remedy, colours));
  return lines.join('\n');
}

/** The document of `--json` where a command failed: `{ error: { type, message, remedy, problems } }`. */
export function errorDocument(error: unknown): object {
  if (isObsmithError(error)) {
    const { type, message, remedy, problems } = error;
    return { error: { type, message, remedy, problems } };
  }
  return {
    error: {
      type: 'Internal',
      message: error instanceof Error ? error.message : String(error),
      remedy: 'This is a fault of Obsmith; the log on stderr has the stack. Run `obsmith doctor` and report both.',
      problems: [],
    },
  };
}

const remedyLine = (remedy: string, colours: Colours) => `  ${colours.green('→')} ${remedy}`;
const indent = (text: string) => text.replaceAll(/^/gm, '  ');
