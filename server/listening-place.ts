import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { invalidConfig } from '../core/errors.js';

/** Where a server listens, and how others call it. */
export interface ListeningPlace {
  /** IP address that it is bound to. */
  readonly ip: string;
  /** Name that other machines reach it by. */
  readonly name: string;
  /** True where only this machine reaches it. */
  readonly loopback: boolean;
  /** True for all networks of this machine. */
  readonly everywhere: boolean;
}

/** Understands `--host`: an IP address, a name of this machine, or 0.0.0.0 for every network that it is in. */
export async function listeningPlace(host: string): Promise<ListeningPlace> {
  const ip = isIP(host) ? host : await addressOf(host);
  const everywhere = ip === '0.0.0.0' || ip === '::';
  const loopback = ip === '::1' || ip.startsWith('127.');
  return { ip, name: everywhere ? hostname() : host, loopback, everywhere };
}

async function addressOf(name: string): Promise<string> {
  try {
    return (await lookup(name, { family: 4 })).address;
  } catch (cause) {
    throw invalidConfig(
      `--host ${name} is no address of this machine: ${(cause as Error).message}`,
      'Give an IP address or name of this machine in the network of the others, or 0.0.0.0 for all of its networks.',
    );
  }
}
