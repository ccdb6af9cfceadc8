import { connect, createServer, type Socket } from 'node:net';
import { invalidConfig } from '../core/errors.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * Passes connections to `from` on to `to`; gives the function that ends it. The development server listens in full or on
 * loopback only (its parts call each other on 127.0.0.1), so any other address is served this way, and nothing but the one
 * port is open to others.
 */
export async function forwardPort(from: Endpoint, to: Endpoint): Promise<() => Promise<void>> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, keepAlive: true }, (incoming) => {
    const outgoing = connect({ ...to, noDelay: true });
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket);
      // Either side may break off at any time; the other one is told by the end of its connection.
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(notListening(from, error)));
    server.listen(from, resolve);
  });
  return async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of open) socket.destroy();
    await closed;
  };
}

const notListening = ({ host, port }: Endpoint, error: Error) =>
  invalidConfig(
    `Nothing can listen on ${host}, port ${port}: ${error.message}`,
    'Give --host an address of this machine (ip addr lists them) and --port a free port.',
  );
