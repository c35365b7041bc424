import { beforeEach, describe, expect, it } from 'vitest';
import type { GatewayError } from '../../../../src/domain/errors.ts';
import { parseRtmpUrl } from '../../../../src/domain/push/rtmp-url.ts';
import { type AmfValue, decodeAmf, encodeAmf } from '../../../../src/media/flv/amf.ts';
import { type ChunkReader, createChunkReader } from '../../../../src/media/rtmp/chunk-reader.ts';
import { encodeMessage, type RtmpMessage } from '../../../../src/media/rtmp/chunks.ts';
import type { ConnectRefusal } from '../../../../src/media/rtmp/replies.ts';
import { createRtmpSession, type RtmpSession, SEND_CHUNK_BYTES } from '../../../../src/media/rtmp/session.ts';

const CONNECTED = { level: 'status', code: 'NetConnection.Connect.Success' };
const REJECTED = {
  level: 'error',
  code: 'NetConnection.Connect.Rejected',
  description: 'no',
  ex: { code: 302, redirect: 'rtmp://other/live' },
};
const STARTED = { level: 'status', code: 'NetStream.Publish.Start' };

let session: RtmpSession;
let sent: Buffer[];
let received: RtmpMessage[];
let reader: ChunkReader;
let live: number;
let failure: GatewayError | null;
let refused: ConnectRefusal | null;
let acknowledged: number[];

beforeEach(() => {
  sent = [];
  received = [];
  live = 0;
  failure = null;
  refused = null;
  acknowledged = [];
  reader = createChunkReader({ onMessage: (one) => received.push(one), maxMessageBytes: 100_000 });
  session = createRtmpSession(parseRtmpUrl('rtmp://h/live/secret-key-1?a=b'), 250_000, {
    send: (bytes) => sent.push(bytes),
    onPhase: (phase) => {
      if (phase === 'live') live += 1;
    },
    onConnectRefused: (refusal) => {
      refused = refusal;
    },
    onFailure: (error) => {
      failure = error;
    },
    onAcknowledged: (total) => acknowledged.push(total),
  });
  session.start();
});

/** What was sent since the last look, as messages. */
function newMessages(): RtmpMessage[] {
  received = [];
  for (const bytes of sent.splice(0)) {
    reader.push(bytes);
    if (received.at(-1)?.type === 1) reader.setChunkBytes(SEND_CHUNK_BYTES);
  }
  return received;
}

function newCommands(): AmfValue[][] {
  return newMessages()
    .filter((message) => message.type === 20)
    .map((message) => decodeAmf(message.data));
}

function answer(type: number, data: Buffer): void {
  session.push(
    encodeMessage({ type, timestamp: 0, streamId: 0, data }, { chunkStreamId: 3, chunkBytes: 128 }),
  );
}

function answerCommand(...values: AmfValue[]): void {
  answer(20, encodeAmf(values));
}

function uint32(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(value);
  return data;
}

function shakeHands(): void {
  sent.length = 0;
  session.push(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536, 1), Buffer.alloc(1536, 2)]));
  expect(sent.shift()).toEqual(Buffer.alloc(1536, 1));
}

function goLive(): void {
  shakeHands();
  newMessages();
  answerCommand('_result', 1, {}, CONNECTED);
  answerCommand('_result', 4, null, 9);
  answerCommand('onStatus', 0, null, STARTED);
  expect(live).toBe(1);
  newMessages();
}

describe('an RTMP session', () => {
  it('says chunk size, window and connect, then asks for its stream in the usual order', () => {
    shakeHands();
    const first = newMessages();
    expect(first.map((message) => message.type)).toEqual([1, 5, 20]);
    expect(first[0]?.data).toEqual(uint32(4096));
    expect(first[1]?.data).toEqual(uint32(250_000));
    const connect = decodeAmf(first[2]?.data ?? Buffer.alloc(0));
    expect(connect).toMatchObject([
      'connect',
      1,
      { app: 'live', type: 'nonprivate', tcUrl: 'rtmp://h/live' },
    ]);
    answerCommand('_result', 1, {}, CONNECTED);
    expect(newCommands()).toEqual([
      ['releaseStream', 2, null, 'secret-key-1?a=b'],
      ['FCPublish', 3, null, 'secret-key-1?a=b'],
      ['createStream', 4, null],
    ]);
    answerCommand('_result', 4, null, 9);
    expect(newCommands()).toEqual([['publish', 5, null, 'secret-key-1?a=b', 'live']]);
    expect(live).toBe(0);
    answerCommand('onStatus', 0, null, STARTED);
    expect(live).toBe(1);
    expect(session.messageStreamId).toBe(9);
  });

  it('lives with a server that does not know releaseStream and FCPublish', () => {
    shakeHands();
    answerCommand('_result', 1, {}, CONNECTED);
    answerCommand('_error', 2, null, { level: 'error', code: 'NetConnection.Call.Failed' });
    answerCommand('_error', 3, null, { level: 'error', code: 'NetConnection.Call.Failed' });
    answerCommand('_result', 4, null, 1);
    answerCommand('onStatus', 0, null, STARTED);
    expect(failure).toBeNull();
    expect(live).toBe(1);
  });

  it('takes a reply that comes in single bytes', () => {
    const reply = Buffer.concat([
      Buffer.from([3]),
      Buffer.alloc(3072),
      encodeMessage(
        { type: 20, timestamp: 0, streamId: 0, data: encodeAmf(['_result', 1, {}, CONNECTED]) },
        { chunkStreamId: 3, chunkBytes: 128 },
      ),
    ]);
    for (const byte of reply) session.push(Buffer.from([byte]));
    expect(session.phase).toBe('publish');
  });

  it('answers a ping with its own time', () => {
    goLive();
    answer(4, Buffer.from('000600012345', 'hex'));
    expect(newMessages().map((one) => [one.type, one.data.toString('hex')])).toEqual([[4, '000700012345']]);
  });

  it('acknowledges what it received when the server wants it', () => {
    goLive();
    answer(5, uint32(100));
    answer(18, Buffer.alloc(200));
    expect(newMessages().some((one) => one.type === 3 && one.data.readUInt32BE() > 3000)).toBe(true);
  });

  it('counts acknowledgements on beyond 32 bits and ignores one that goes back', () => {
    goLive();
    for (const sequence of [2_000_000_000, 4_000_000_000, 1_705_032_704, 1_700_000_000])
      answer(3, uint32(sequence));
    expect(acknowledged).toEqual([2_000_000_000, 4_000_000_000, 6_000_000_000]);
  });

  const refusals: [string, () => void, string][] = [
    [
      'createStream',
      () => {
        answerCommand('_result', 1, {}, CONNECTED);
        answerCommand('_error', 4, null, { code: 'NetStream.Failed' });
      },
      'key-refused',
    ],
    [
      'publish',
      () => {
        answerCommand('_result', 1, {}, CONNECTED);
        answerCommand('_result', 4, null, 1);
        answerCommand('onStatus', 0, null, {
          level: 'error',
          code: 'secret-key-1 taken',
          description: 'secret-key-1',
        });
      },
      'key-refused',
    ],
    [
      'publish without a level',
      () => {
        answerCommand('_result', 1, {}, CONNECTED);
        answerCommand('_result', 4, null, 1);
        answerCommand('onStatus', 0, null, {
          code: 'NetStream.Publish.BadName',
          description: 'secret-key-1',
        });
      },
      'key-refused',
    ],
  ];
  for (const [step, answers, code] of refusals) {
    it(`is refused at ${step} as ${code}, and repeats no text of the server`, () => {
      shakeHands();
      answers();
      expect(failure).toMatchObject({ code, blame: 'destination', retry: 'never' });
      expect(JSON.stringify([failure, failure?.message])).not.toContain('secret-key-1');
      expect(live).toBe(0);
    });
  }

  const connectRefusals: [string, () => void][] = [
    ['an error', () => answerCommand('_error', 1, null, REJECTED)],
    ['a result that is an error', () => answerCommand('_result', 1, null, REJECTED)],
    ['a status', () => answerCommand('onStatus', 0, null, REJECTED)],
  ];
  for (const [how, answers] of connectRefusals) {
    it(`hears by ${how} that connect was refused, and where to go instead`, () => {
      shakeHands();
      answers();
      answers();
      expect(refused).toEqual({
        status: 'NetConnection.Connect.Rejected',
        description: 'no',
        redirect: 'rtmp://other/live',
      });
      expect([failure, live]).toEqual([null, 0]);
    });
  }

  it('reads no more of a refusal than a description needs', () => {
    shakeHands();
    const long = 'x'.repeat(60_000);
    answerCommand('_error', 1, null, { code: long, description: long, ex: { code: 302, redirect: long } });
    expect(refused?.status).toBe('none');
    expect([refused?.description.length, refused?.redirect?.length]).toEqual([2048, 2048]);
  });

  it('is refused at onFCPublish when the name is meant, and lives on with other complaints there', () => {
    shakeHands();
    answerCommand('_result', 1, {}, CONNECTED);
    answerCommand('onFCPublish', 0, null, { level: 'error', code: 'NetConnection.Call.Failed' });
    answerCommand('onFCPublish', 0, null, { level: 'status', code: 'NetStream.Publish.Start' });
    expect([failure, live]).toEqual([null, 0]);
    answerCommand('onFCPublish', 0, null, { level: 'error', code: 'NetStream.Publish.BadName' });
    expect(failure).toMatchObject({ code: 'key-refused' });
  });

  it('is over when the server says that it ended the stream', () => {
    goLive();
    answerCommand('onStatus', 0, null, { level: 'status', code: 'NetStream.Unpublish.Success' });
    expect(failure).toMatchObject({ code: 'closed-by-peer', retry: 'later' });
  });

  it('goes on when a server sends a command with a value of a kind it does not know', () => {
    goLive();
    const odd = Buffer.concat([encodeAmf(['onStatus', 0, null]), Buffer.from([17, 4, 1])]);
    answer(20, odd);
    answer(20, Buffer.from([42]));
    expect(failure).toBeNull();
    answerCommand('onStatus', 0, null, { level: 'status', code: 'NetStream.Unpublish.Success' });
    expect(failure).toMatchObject({ code: 'closed-by-peer' });
  });

  it('takes commands in their AMF3 form', () => {
    shakeHands();
    answer(17, Buffer.concat([Buffer.from([0]), encodeAmf(['_result', 1, {}, CONNECTED])]));
    expect(session.phase).toBe('publish');
  });

  it('asks for acknowledgements as often as the server needs to give them', () => {
    goLive();
    answer(6, Buffer.concat([uint32(5_000_000), Buffer.from([2])]));
    expect(newMessages()).toEqual([]);
    answer(6, Buffer.concat([uint32(100_000), Buffer.from([2])]));
    expect(newMessages().map((one) => [one.type, one.data])).toEqual([[5, uint32(100_000)]]);
  });

  it('announces the codecs of enhanced RTMP that it passes on', () => {
    shakeHands();
    const connect = decodeAmf(newMessages()[2]?.data ?? Buffer.alloc(0));
    expect(connect[2]).toMatchObject({ fourCcList: ['av01', 'vp09', 'hvc1'] });
  });

  for (const [name, bytes] of [
    ['another protocol', Buffer.from('HTTP/1.1 400')],
    [
      'a message of 16 MB',
      Buffer.concat([Buffer.from([3]), Buffer.alloc(3072), Buffer.from('03000000ffffff1400000000', 'hex')]),
    ],
  ] as const) {
    it(`ends on ${name}`, () => {
      session.push(bytes);
      expect(failure).toMatchObject({ code: 'handshake-failed' });
    });
  }

  it('takes its stream back at the end, once', () => {
    goLive();
    session.finish();
    session.finish();
    expect(newCommands()).toEqual([
      ['FCUnpublish', 6, null, 'secret-key-1?a=b'],
      ['deleteStream', 7, null, 9],
    ]);
  });
});
