/** What of a WebSocket the client uses: a browser's own, or the one of `ws`. */
export interface ClientSocket {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

export type ClientSocketClass = new (url: string, protocol: string) => ClientSocket;

/** What became of a connection. */
export interface ClosedSocket {
  readonly code: number;
  readonly reason: string;
}

interface Handlers {
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  readonly onClose: (closed: ClosedSocket) => void;
}

/** Opens a connection whose events go to the handlers; returns the way to let go of it at once. */
export function openSocket(
  {
    url,
    Socket,
    protocol,
  }: { readonly url: string; readonly Socket: ClientSocketClass; readonly protocol: string },
  handlers: Handlers,
): { readonly socket: ClientSocket; drop(): void } {
  const socket = new Socket(url, protocol);
  socket.onopen = () => handlers.onOpen();
  socket.onmessage = ({ data }: { readonly data: unknown }) => handlers.onText(String(data));
  socket.onclose = ({ code, reason }: ClosedSocket) => handlers.onClose({ code, reason });
  socket.onerror = () => undefined; // 'close' follows
  return {
    socket,
    drop() {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    },
  };
}
