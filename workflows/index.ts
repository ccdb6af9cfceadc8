export { embedBatch } from './embed-batch.js';
export { embedChunk } from './embed-chunk.js';
export { embedDataset } from './embed-dataset.js';
export { fitBatch } from './fit-batch.js';
export { fitRounds } from './fit-rounds.js';
