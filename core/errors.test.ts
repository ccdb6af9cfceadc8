import { describe, expect, it } from 'vitest';
import { fromSystemError, fromUnavailableStore, invalidInput } from './errors.js';

const errno = (code: string) => Object.assign(new Error(`${code}: something, open 'x'`), { code });

describe('fromUnavailableStore', () => {
  it.each(['ESTALE', 'EIO', 'EBUSY', 'EAGAIN', 'ENOSPC', 'EDQUOT', 'EROFS'])('takes %s for what may heal', (code) => {
    expect(fromUnavailableStore(errno(code))).toMatchObject({ type: 'StoreUnavailable', retryable: true });
  });

  it.each([errno('ENOENT'), errno('EACCES'), new TypeError('x'), invalidInput('bad', 'mend it'), 'text'])(
    'passes %s through',
    (error) => {
      expect(fromUnavailableStore(error)).toBe(error);
    },
  );
});

describe('fromSystemError', () => {
  it('names the path, and tells what may heal from what will not', () => {
    expect(fromSystemError(errno('ENOSPC'), '/data')).toMatchObject({
      type: 'StoreUnavailable',
      message: expect.stringContaining('ENOSPC at /data'),
      remedy: expect.stringContaining('Free space'),
    });
    expect(fromSystemError(errno('ENOENT'), '/data')).toMatchObject({
      type: 'InvalidInput',
      message: 'Input file not found: /data',
    });
    expect(fromSystemError(errno('EACCES'), '/data')).toMatchObject({ type: 'InvalidInput' });
  });
});
