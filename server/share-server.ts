import { forwardPort } from './forward-port.js';
import type { ListeningPlace } from './listening-place.js';
import { recordServer } from './server-file.js';

export interface SharedServer {
  /** Host of a URL. */
  readonly host: string;
  /** As others call it. */
  readonly address: string;
  /** Takes record and forwarding back. */
  end(): Promise<void>;
}

/** Opens a server on loopback to a place, and tells other machines where it is, where they can reach that. */
export async function shareServer(
  local: string,
  { ip, name, loopback }: ListeningPlace,
  port: number,
  base: string,
): Promise<SharedServer> {
  const host = name.includes(':') ? `[${name}]` : name;
  const address = `${host}:${port}`;
  const ends: (() => Promise<void>)[] = [];
  const colon = local.lastIndexOf(':');
  const served = { host: local.slice(0, colon), port: Number(local.slice(colon + 1)) };
  if (ip !== served.host) ends.push(await forwardPort({ host: ip, port }, served));
  if (!loopback) ends.push(await recordServer(base, address));
  return {
    host,
    address,
    async end() {
      for (const end of ends) await end();
    },
  };
}
