import { hostname, tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { listeningPlace } from './listening-place.js';
import { networkFileSystem, networkTypeName } from './network-disk.js';

describe('listeningPlace', () => {
  it.each([
    ['127.0.0.1', { ip: '127.0.0.1', name: '127.0.0.1', loopback: true, everywhere: false }],
    ['localhost', { ip: '127.0.0.1', name: 'localhost', loopback: true, everywhere: false }],
    ['::1', { ip: '::1', name: '::1', loopback: true, everywhere: false }],
    ['192.0.2.2', { ip: '192.0.2.2', name: '192.0.2.2', loopback: false, everywhere: false }],
    ['0.0.0.0', { ip: '0.0.0.0', name: hostname(), loopback: false, everywhere: true }],
  ])('understands %s', async (host, place) => {
    expect(await listeningPlace(host)).toEqual(place);
  });

  it('refuses a name that does not resolve', async () => {
    await expect(listeningPlace('no-such-host.invalid')).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: expect.stringContaining('--host no-such-host.invalid'),
    });
  });
});

describe('networkFileSystem', () => {
  it('knows local disks from those that machines share', async () => {
    expect(await networkFileSystem(tmpdir())).toBeNull();
    // As statfs(2) and the kernel's magic.h have them.
    expect([0x6969, 0x0bd00bd0, 0x47504653, 0xef53, 0x01021994].map(networkTypeName)).toEqual([
      ...['NFS', 'Lustre', 'GPFS'],
      ...[null, null],
    ]);
  });
});
