import { statfs } from 'node:fs/promises';

/** File systems that several machines mount, by the type that Linux gives for them. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x00c36400, 'CephFS'],
  [0xaad7aaea, 'PanFS'],
  [0x5346414f, 'AFS'],
]);

/** Name of the network file system that a folder lies on, or null. */
export async function networkFileSystem(folder: string): Promise<string | null> {
  return networkTypeName((await statfs(folder)).type);
}

export const networkTypeName = (type: number): string | null => NETWORK.get(type) ?? null;
