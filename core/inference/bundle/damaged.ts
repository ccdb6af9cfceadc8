import { ObsmithError, type Problem } from '../../errors.js';

/** A bundle that is there but cannot be trusted; never retried. `problems` are messages about files in `folder`. */
export function damagedBundle(folder: string, problems: readonly string[]): ObsmithError {
  const remedy = 'Export or copy the bundle again; what a bundle must be stands in core/inference/bundle/README.md.';
  return new ObsmithError({
    type: 'MissingModel',
    message: `The model bundle ${folder} cannot be used: ${problems.join('; ')}`,
    remedy,
    problems: problems.map((message): Problem => ({ message, remedy, where: folder })),
  });
}
