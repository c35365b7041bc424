import { type WebSocket, WebSocketServer } from 'ws';
import { readPlayProof } from '../../domain/play-proof.ts';
import { statusOfError } from '../error-envelope.ts';
import { refuseUpgrade, type UpgradeHandler } from '../upgrades.ts';
import type { FlvHub, FlvSink } from './flv-hub.ts';

/** Viewers say nothing; whoever sends more than a control frame is closed. */
const MAX_INCOMING_BYTES = 1024;
const LIVE_PATH = /^\/live\/([^/]+)\.flv$/;

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

interface Asked {
  readonly streamText: string;
  readonly query: URLSearchParams;
}

function parsePath(url: string): Asked | null {
  try {
    const { pathname, searchParams } = new URL(url, 'http://gateway');
    const match = LIVE_PATH.exec(decodeURIComponent(pathname));
    return match ? { streamText: match[1] ?? '', query: searchParams } : null;
  } catch {
    return null; // no URL we could serve
  }
}

/** WebSocket-FLV on `/live/STREAM.flv`, as a handler of upgrades; close() ends its viewers. */
export function createWsFlv({ hub }: { readonly hub: FlvHub }): {
  readonly handle: UpgradeHandler;
  close(): void;
} {
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

  const authorise = async ({ streamText, query }: Asked): Promise<string> =>
    hub.authorisePlay(
      streamText,
      readPlayProof((name) => query.get(name) ?? undefined),
    );

  return {
    handle(request, socket, head) {
      const asked = parsePath(request.url ?? '');
      if (asked === null) return false;
      authorise(asked)
        .then((streamId) =>
          sockets.handleUpgrade(request, socket, head, (webSocket) => watch(webSocket, streamId)),
        )
        .catch((error: unknown) => refuseUpgrade(socket, statusOfError(error)));
      return true;
    },
    close() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    },
  };
}
