import type { Socket } from 'node:net';
import type { NmsChunk, NmsRtmp } from 'node-media-server/src/session/rtmp_session.js';

/**
 * The messages behind a command whose answer takes time: kept in order, then handled as if they had just come. No
 * more is read meanwhile, so these are at most what came with the command.
 */
export class HeldMessages {
  readonly #rtmp: NmsRtmp;
  readonly #socket: Socket;
  #held: { readonly packet: NmsChunk; readonly handle: () => void }[] | null = null;

  /** From now on takes commands and media before their handlers do. */
  constructor(rtmp: NmsRtmp, socket: Socket) {
    this.#rtmp = rtmp;
    this.#socket = socket;
    rtmp.invokeHandler = this.#holding(rtmp.invokeHandler);
    rtmp.dataHandler = this.#holding(rtmp.dataHandler);
  }

  hold(): void {
    this.#held = [];
    this.#socket.pause();
  }

  release(): void {
    const held = this.#held ?? [];
    const rtmp = this.#rtmp;
    const current = rtmp.parserPacket;
    this.#held = null;
    for (const [index, { packet, handle }] of held.entries()) {
      rtmp.parserPacket = packet;
      handle();
      if (this.#held !== null) {
        this.#held = held.slice(index + 1);
        break;
      }
    }
    rtmp.parserPacket = current;
    if (this.#held === null) this.#socket.resume();
  }

  #holding(handle: () => void): () => void {
    return () => {
      if (this.#held === null) {
        handle();
        return;
      }
      const packet = this.#rtmp.parserPacket;
      const payload = Buffer.from(packet.payload.subarray(0, packet.header.length));
      this.#held.push({ packet: { ...packet, header: { ...packet.header }, payload }, handle });
    };
  }
}
