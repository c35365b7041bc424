import type { Socket } from 'node:net';
import type { MediaSink } from './viewer.ts';

/** An RTMP socket as the place where a viewer's bytes go; `end` says goodbye in RTMP. */
export function rtmpSink(socket: Socket, end: () => void): MediaSink {
  return {
    write: (buffer) => void (socket.writable && socket.write(buffer)),
    get writableLength() {
      return socket.writableLength;
    },
    end,
    destroy: () => socket.destroy(),
  };
}
