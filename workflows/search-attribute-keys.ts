/** Registered by workers; runs set them only where the server knows them. */
export const DATASET_KEY = { name: 'ObsmithDataset', type: 'KEYWORD' } as const;
export const METHODS_KEY = { name: 'ObsmithMethods', type: 'KEYWORD_LIST' } as const;
export const STAGE_KEY = { name: 'ObsmithStage', type: 'KEYWORD' } as const;
export const SEARCH_ATTRIBUTES = [DATASET_KEY, METHODS_KEY, STAGE_KEY] as const;
