import { getExternalWorkflowHandle, setHandler, startChild, workflowInfo } from '@temporalio/workflow';
import { BatchCounts } from './batch-counts.js';
import { embedChunk } from './embed-chunk.js';
import { summarizeError } from './failures.js';
import { pauseSignal, reportBatchSignal, resizeWindowSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import { stoppedOn } from './method-scope.js';
import { OpenChildren } from './open-children.js';
import { isolate } from './siblings.js';
import type { BatchReport, EmbedBatchInput, MethodScope } from './types.js';
import { Window } from './window.js';

/** Chunks [from, to) of one wave, a window of them open at once; tells the run how far it is. */
export async function embedBatch(input: EmbedBatchInput): Promise<BatchReport> {
  const { location, wave, methods, from, to, root } = input;
  const window = new Window(input.window, input.paused);
  const counts = new BatchCounts(input);
  const chunks = new OpenChildren();
  const stopped: MethodScope[] = [...(input.stopped ?? [])];
  setHandler(resizeWindowSignal, (limit) => window.resize(limit));
  setHandler(pauseSignal, () => {
    window.pause();
    chunks.tell(pauseSignal);
  });
  setHandler(resumeSignal, () => {
    window.resume();
    chunks.tell(resumeSignal);
  });
  setHandler(stopMethodsSignal, (scope) => {
    stopped.push(scope);
    chunks.tell(stopMethodsSignal, scope);
  });

  const report = () => getExternalWorkflowHandle(root).signal(reportBatchSignal, counts.report(window.open - 1));
  const embedOne = async (chunk: number): Promise<void> => {
    await isolate(
      async () => {
        const child = await chunks.execute(() => startEmbedding(chunk));
        counts.add(child);
      },
      (error) => counts.addLost(chunk, summarizeError(error)),
    );
    if (counts.reportIsDue()) await isolate(report, () => {});
  };
  const startEmbedding = (chunk: number) =>
    startChild(embedChunk, {
      workflowId: `${workflowInfo().workflowId}/c${String(chunk).padStart(5, '0')}`,
      args: [
        {
          ...{ location, wave, methods, chunk, reportTo: input.reportMethods ? root : null },
          stopped: [...stoppedOn(stopped, chunk)],
        },
      ],
      staticSummary: `${methods.map(({ method }) => method).join(', ')} of chunk #${chunk}`,
    });
  await window.forEach(range(from, to), embedOne);
  return counts.report(0);
}

function* range(from: number, to: number): Generator<number> {
  for (let index = from; index < to; index++) yield index;
}
