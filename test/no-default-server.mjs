// Preloaded into command lines under test, so that a Temporal server which happens to run on this machine is not joined:
// connections to the default port are refused.
import { Socket } from 'node:net';

const DEFAULT_PORT = 7233;
const connect = Socket.prototype.connect;

Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (Number(options?.port) !== DEFAULT_PORT) return connect.apply(this, args);
  const refused = Object.assign(new Error(`connect ECONNREFUSED 127.0.0.1:${DEFAULT_PORT}`), { code: 'ECONNREFUSED' });
  queueMicrotask(() => this.destroy(refused));
  return this;
};
