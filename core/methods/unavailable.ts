import { z } from 'zod';
import { ObsmithError, type Problem } from '../errors.js';
import { fixedDim } from './fixed-dim.js';
import type { Method } from './types.js';

const LEAVE_OUT = (method: string) =>
  `Remove ${method} from methods, or set skip_unavailable: true to run the other methods without it.`;

/** Methods that configurations name but this version cannot run; planning refuses or skips them before any work. */
export const unavailableMethods: readonly Method[] = [
  unavailable('cw-geneformer', 512, 'the model code of CellWhisperer (cw-geneformer) cannot be exported to ONNX'),
];

function unavailable(name: string, dim: number, reason: string): Method {
  const problem: Problem = {
    message: `Method ${name} is not available: ${reason}`,
    remedy: LEAVE_OUT(name),
    where: name,
  };
  return {
    name,
    algorithmVersion: 0,
    source: 'prepared',
    device: 'gpu',
    options: z.strictObject({}),
    unavailable: problem,
    sparseOutput: false,
    resolveDim: (configured) => fixedDim(name, dim, configured),
    reads: () => [],
    problems: () => [problem],
    fitRounds: () => [],
    open: async () => {
      throw new ObsmithError({ type: 'MissingModel', message: problem.message, remedy: problem.remedy });
    },
  };
}
