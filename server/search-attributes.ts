import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attribute-keys.js';

/** IndexedValueType of the API. */
const VALUE_TYPES = { KEYWORD: 2, KEYWORD_LIST: 7 } as const;

/**
 * Registers Obsmith's search attributes where they are missing. False where the server refuses (Temporal Cloud has its
 * own way to do it): runs then go on without.
 */
export async function registerSearchAttributes(
  { operatorService }: NativeConnection,
  namespace: string,
): Promise<boolean> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = SEARCH_ATTRIBUTES.filter(({ name }) => !(name in customAttributes));
    if (missing.length > 0) {
      await operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, VALUE_TYPES[type]])),
      });
    }
    return true;
  } catch {
    return false;
  }
}
