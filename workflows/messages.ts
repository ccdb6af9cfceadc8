import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { BatchReport, ChunkReport, Progress } from './types.js';

/** How far the run is. */
export const progressQuery = defineQuery<Progress>('progress');

/** Starts nothing new until `resume`. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');

/** From batches to the run. */
export const reportBatchSignal = defineSignal<[BatchReport]>('reportBatch');
/** From chunks of small runs to the run: methods that just finished. */
export const reportChunkSignal = defineSignal<[ChunkReport]>('reportChunk');
/** From the queue watch to the run: what to start so that waiting work goes on. */
export const waitingForSignal = defineSignal<[readonly string[]]>('waitingFor');

/** From the run to a batch: its share of the window changed. */
export const resizeWindowSignal = defineSignal<[number]>('resizeWindow');
