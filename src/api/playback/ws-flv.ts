import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { statusOfError } from '../error-envelope.ts';
import type { FlvHub, FlvSink } from './flv-hub.ts';

/** Viewers say nothing; whoever sends more than a control frame is closed. */
const MAX_INCOMING_BYTES = 1024;
const LIVE_PATH = /^\/live\/([^/]+)\.flv$/;

function refuse(socket: Duplex, status: number): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  socket.end(head, () => socket.destroy());
}

function socketSink(socket: WebSocket): FlvSink {
  return {
    write: (buffer) => socket.send(buffer, { binary: true }, () => undefined), // a failure closes the socket
    get writableLength() {
      return socket.bufferedAmount;
    },
    end: () => socket.close(1000, 'the stream ended'),
    destroy: () => socket.terminate(),
  };
}

function parsePath(url: string): { streamText: string; ticket: string } | null {
  try {
    const { pathname, searchParams } = new URL(url, 'http://gateway');
    const match = LIVE_PATH.exec(decodeURIComponent(pathname));
    return match ? { streamText: match[1] ?? '', ticket: searchParams.get('ticket') ?? '' } : null;
  } catch {
    return null; // no URL we could serve
  }
}

/** WebSocket-FLV on `/live/STREAM.flv`; answers every other upgrade with 404. Returns the way to end it. */
export function attachWsFlv(server: Server, { hub }: { readonly hub: FlvHub }): { close(): void } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_INCOMING_BYTES,
    perMessageDeflate: false,
  });

  const watch = (webSocket: WebSocket, streamId: string): void => {
    webSocket.on('error', () => webSocket.terminate()); // 'close' follows
    const subscription = hub.subscribeFlv(streamId, socketSink(webSocket));
    webSocket.once('close', () => subscription.close());
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    const asked = parsePath(request.url ?? '');
    if (asked === null) {
      refuse(socket, 404);
      return;
    }
    try {
      const streamId = hub.authorisePlay(asked.streamText, asked.ticket);
      sockets.handleUpgrade(request, socket, head, (webSocket) => watch(webSocket, streamId));
    } catch (error) {
      refuse(socket, statusOfError(error));
    }
  };

  server.on('upgrade', onUpgrade);
  return {
    close() {
      server.off('upgrade', onUpgrade);
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    },
  };
}
