import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Takes the upgrades of its own paths; false: the path is not its own, and the socket was not touched. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean;

/** Answers an upgrade with that status and ends its socket. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  socket.end(head, () => socket.destroy());
}

/** Hands every upgrade to the first handler that takes it, else answers 404. Returns the way to end it. */
export function attachUpgrades(server: Server, handlers: readonly UpgradeHandler[]): { close(): void } {
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    if (!handlers.some((handle) => handle(request, socket, head))) refuseUpgrade(socket, 404);
  };
  server.on('upgrade', onUpgrade);
  return { close: () => void server.off('upgrade', onUpgrade) };
}
