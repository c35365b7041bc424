// What the hub uses of node-media-server 4.4.3 (exact pin; it ships no types and no entry for this).

declare module 'node-media-server/src/core/logger.js' {
  const logger: { log: (message: string, level?: string) => void };
  export = logger;
}

declare module 'node-media-server/src/core/context.js' {
  import type { NmsBroadcast } from 'node-media-server/src/session/rtmp_session.js';

  const context: {
    readonly config: Record<string, never>;
    readonly sessions: Map<string, unknown>;
    readonly broadcasts: Map<string, NmsBroadcast>;
  };
  export = context;
}

declare module 'node-media-server/src/session/rtmp_session.js' {
  import type { Socket } from 'node:net';

  namespace RtmpSession {
    /** flags: 0 audio header, 1 audio, 2 video header, 3 key frame, 4 video, 5 metadata, else passed on uncached. */
    interface NmsPacket {
      codec_type: number;
      flags: number;
      dts: number;
      pts: number;
      size: number;
      data: Buffer;
    }

    interface NmsSubscriber {
      readonly id: string;
      readonly ip: string;
      readonly protocol: string;
      streamPath: string;
      endTime: number;
      sendBuffer(buffer: Buffer): void;
    }

    interface NmsBroadcast {
      streamPath: string;
      publisher: NmsSubscriber | null;
      readonly subscribers: Map<string, NmsSubscriber>;
      flvGopCache: Set<Buffer> | null;
      rtmpGopCache: Set<Buffer> | null;
      publishGraceMs: number;
      postPlay(session: NmsSubscriber): string | null;
      postPublish(session: NmsSubscriber): string | null;
      donePlay(session: NmsSubscriber): void;
      broadcastMessage(packet: NmsPacket): void;
      _finishPublish(): void;
    }

    interface NmsChunk {
      header: {
        fmt: number;
        cid: number;
        timestamp: number;
        length: number;
        type: number;
        stream_id: number;
      };
      clock: number;
      payload: Buffer;
      capacity: number;
      bytes: number;
    }

    interface NmsInvoke {
      readonly cmd?: unknown;
      readonly transId?: unknown;
      readonly cmdObj?: unknown;
      readonly streamName?: unknown;
    }

    interface NmsRtmp {
      handshakeState: number;
      parserPacket: NmsChunk;
      readonly inPackets: Map<number, NmsChunk>;
      inChunkSize: number;
      streamApp: string;
      streamName: string;
      streamId: number;
      flv: unknown;
      onOutputCallback: (buffer: Buffer) => void;
      onPacketCallback: (packet: NmsPacket) => void;
      parserData(buffer: Buffer): string | null;
      packetParse(): void;
      packetAlloc(): void;
      controlHandler(): void;
      eventHandler(): void;
      invokeHandler(): void;
      dataHandler(): void;
      onConnect(message: NmsInvoke): void;
      onPublish(message: NmsInvoke): void;
      onPlay(message: NmsInvoke): void;
      sendACK(bytes: number): void;
      sendStreamStatus(event: number, value: number): void;
      sendStatusMessage(streamId: number, level: string, code: string, description: string): void;
      respondPublish(): void;
      respondPlay(): void;
    }

    type NmsSession = RtmpSession;
  }

  class RtmpSession {
    constructor(socket: Socket);
    readonly id: string;
    ip: string;
    readonly protocol: string;
    streamPath: string;
    endTime: number;
    isPublisher: boolean;
    readonly rtmp: RtmpSession.NmsRtmp;
    broadcast: RtmpSession.NmsBroadcast;
    onConnect: (request: { app: string; name: string; host: string; query: object }) => void;
    sendBuffer: (buffer: Buffer) => void;
  }

  export = RtmpSession;
}
