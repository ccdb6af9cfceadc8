import { connect, createServer, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { forwardPort } from './forward-port.js';
import { freePort } from './start-server.js';

const HOST = '127.0.0.1';
let echo: Server;
afterEach(() => echo.close());

async function echoServer(): Promise<number> {
  echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, HOST, resolve));
  return (echo.address() as { port: number }).port;
}

/** What comes back for a text, or how the connection ended. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port }, () => socket.write(text));
    socket.on('data', (data) => {
      socket.end();
      resolve(data.toString());
    });
    socket.on('error', ({ message }) => resolve(message));
    socket.on('close', () => resolve('closed'));
  });
}

it('passes bytes on in both directions until it is ended', async () => {
  const to = { host: HOST, port: await echoServer() };
  const port = await freePort(HOST);
  const end = await forwardPort({ host: HOST, port }, to);
  expect(await Promise.all([ask(port, 'one'), ask(port, 'two')])).toEqual(['one', 'two']);
  const open = connect({ host: HOST, port }, () => open.write('x'));
  await new Promise((resolve) => open.once('data', resolve));
  const closed = new Promise((resolve) => open.on('error', () => {}).once('close', resolve));
  await end();
  await closed;
  expect(await ask(port, 'three')).toContain('ECONNREFUSED');
});

it('ends a connection whose other side is not there', async () => {
  const to = { host: HOST, port: await echoServer() };
  const port = await freePort(HOST);
  const end = await forwardPort({ host: HOST, port }, { ...to, port: await freePort(HOST) });
  expect(await ask(port, 'one')).toMatch(/closed|ECONNRESET/);
  await end();
});

it('refuses an address that is taken or none of this machine', async () => {
  const port = await echoServer();
  await expect(forwardPort({ host: HOST, port }, { host: HOST, port: 1 })).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining(`${HOST}, port ${port}`),
  });
  await expect(forwardPort({ host: '203.0.113.9', port: 0 }, { host: HOST, port })).rejects.toMatchObject({
    type: 'InvalidConfig',
  });
});
