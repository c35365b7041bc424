import { randomInt } from 'node:crypto';
import { type AddressInfo, connect, createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections: one of those may take the port of a server that restarts,
 * and a client that tries to reach that server again and again may meet itself there.
 */
const [FIRST_PORT, LAST_PORT] = [16_384, 32_767];
const MAX_TRIES = 20;

/** Binds the port and lets it go; 0 is one of the kernel's choice. */
async function tryPort(wanted: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A free port of 127.0.0.1: between this and the bind that follows nobody else is likely to get it. */
export async function freeLoopbackPort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const port = await tryPort(randomInt(FIRST_PORT, LAST_PORT + 1)).catch(() => null);
    if (port !== null) return port;
  }
  return tryPort(0);
}

/** Whether somebody listens on that port of 127.0.0.1. */
export function listensOnLoopback(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
