import type { NmsRtmp } from 'node-media-server/src/session/rtmp_session.js';
import { GatewayError } from '../domain/errors.ts';
import type { HubLimits } from './limits.ts';

const SET_CHUNK_SIZE = 1;
const ABORT = 2;
const AUDIO = 8;
const VIDEO = 9;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;
const UINT32 = 2 ** 32;

function broken(message: string, context: Record<string, number> = {}): GatewayError {
  return new GatewayError('bad-request', message, { context });
}

/**
 * Bounds what node-media-server's chunk parser believes: it takes any length, any number of chunk streams and
 * any chunk size. The guards throw; whoever feeds the parser closes the connection.
 */
export function guardChunks(rtmp: NmsRtmp, limits: HubLimits, isPublishing: () => boolean): void {
  const lengths = new Map<number, number>();
  const parseHeader = rtmp.packetParse.bind(rtmp);
  const allocate = rtmp.packetAlloc.bind(rtmp);
  const control = rtmp.controlHandler.bind(rtmp);

  const maxLength = (type: number): number => {
    if (!isPublishing()) return limits.maxCommandBytes;
    if (type === VIDEO) return limits.maxVideoBytes;
    return type === AUDIO ? limits.maxAudioBytes : limits.maxCommandBytes;
  };

  rtmp.packetParse = () => {
    parseHeader();
    const { header, bytes } = rtmp.parserPacket;
    if (rtmp.inPackets.size > limits.maxChunkStreams) throw broken('too many chunk streams');
    if (bytes > 0 && lengths.get(header.cid) !== header.length) {
      throw broken('a message changed its length half way');
    }
  };

  rtmp.packetAlloc = () => {
    const packet = rtmp.parserPacket;
    const { cid, type, length } = packet.header;
    if (length > maxLength(type)) throw broken('a message is too long', { type, length });
    lengths.set(cid, length);
    packet.clock %= UINT32; // the parser sums deltas beyond the wrap and then drops everything
    if (packet.capacity >= length) return;
    let buffered = length;
    for (const other of rtmp.inPackets.values()) buffered += other.capacity;
    if (buffered > limits.maxBufferedBytes) throw broken('the messages under way are too long together');
    allocate();
  };

  rtmp.controlHandler = () => {
    const { header, payload } = rtmp.parserPacket;
    if (header.length < 4) throw broken('a control message is cut off', { type: header.type });
    const value = payload.readUInt32BE(0);
    if (header.type === SET_CHUNK_SIZE && (value < 1 || value > limits.maxChunkSize)) {
      throw broken('the chunk size is out of range', { size: value });
    }
    const aborted = header.type === ABORT ? rtmp.inPackets.get(value) : undefined;
    if (aborted) aborted.bytes = 0;
    control();
  };

  rtmp.eventHandler = () => {
    const { header, payload } = rtmp.parserPacket;
    if (header.length < 6 || payload.readUInt16BE(0) !== PING_REQUEST) return;
    rtmp.sendStreamStatus(PING_RESPONSE, payload.readUInt32BE(2));
  };
}
