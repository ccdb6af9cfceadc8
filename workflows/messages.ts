import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { BatchReport, ChunkReport, ControlAnswer, MethodScope, MethodsMessage, Progress } from './types.js';

/** How far the run is. */
export const progressQuery = defineQuery<Progress>('progress');

/** Starts nothing new until `resume`. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
/** Stops methods while others go on. */
export const cancelMethodsSignal = defineSignal<[MethodsMessage]>('cancelMethods');

/** Computes arrays again, also finished ones. */
export const rerunMethodsSignal = defineSignal<[MethodsMessage]>('rerunMethods');

/** Updates of the same names as the signals: they refuse what makes no sense, and answer. */
export const pauseUpdate = defineUpdate<ControlAnswer>('pause');
export const resumeUpdate = defineUpdate<ControlAnswer>('resume');
export const cancelMethodsUpdate = defineUpdate<ControlAnswer, [MethodsMessage]>('cancelMethods');

export const rerunMethodsUpdate = defineUpdate<ControlAnswer, [MethodsMessage]>('rerunMethods');

/** From batches to the run. */
export const reportBatchSignal = defineSignal<[BatchReport]>('reportBatch');
/** From chunks of small runs to the run: methods that just finished. */
export const reportChunkSignal = defineSignal<[ChunkReport]>('reportChunk');
/** From the queue watch to the run: what to start so that waiting work goes on. */
export const waitingForSignal = defineSignal<[readonly string[]]>('waitingFor');

/** From the run to a batch: its share of the window changed. */
export const resizeWindowSignal = defineSignal<[number]>('resizeWindow');
/** From the run to its fit and its batches, and on to their children: these methods were cancelled. */
export const stopMethodsSignal = defineSignal<[MethodScope]>('stopMethods');
/** From the run to a batch: compute these methods again where the batch is through with them. */
export const restartMethodsSignal = defineSignal<[MethodScope]>('restartMethods');
