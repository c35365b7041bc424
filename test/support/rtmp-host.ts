import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type AmfValue, amfFields, decodeAmf, encodeAmf } from '../../src/media/flv/amf.ts';
import { createChunkReader } from '../../src/media/rtmp/chunk-reader.ts';
import { encodeMessage, type RtmpMessage } from '../../src/media/rtmp/chunks.ts';

/** What a `connect` is answered with: null accepts it, else the description and redirect of a refusal. */
type ConnectAnswer = { readonly description?: string; readonly redirect?: string } | null;

export interface RtmpHostOptions {
  readonly answer: (app: string, tcUrl: string) => ConnectAnswer;
  /** Refusals come as answers to `connect`, or as a status as some servers write them. */
  readonly refuseBy?: '_error' | 'onStatus';
}

/** A small RTMP server that decides on `connect` as the test says. */
export interface RtmpHost {
  readonly port: number;
  /** Application of every `connect`, in order. */
  readonly apps: readonly string[];
  /** Stream names that were published. */
  readonly keys: readonly string[];
  /** Video messages received. */
  readonly pictures: number;
  readonly connections: number;
  close(): Promise<void>;
}

const BLOCK_BYTES = 1536;
const VIDEO = 9;
const COMMAND = 20;
const REJECTED = { level: 'error', code: 'NetConnection.Connect.Rejected' };

export async function startRtmpHost({ answer, refuseBy = '_error' }: RtmpHostOptions): Promise<RtmpHost> {
  const apps: string[] = [];
  const keys: string[] = [];
  let pictures = 0;
  const sockets = new Set<Socket>();

  function serve(socket: Socket): void {
    let hello: Buffer | null = Buffer.alloc(0);
    const send = (values: readonly AmfValue[], streamId = 0) =>
      socket.write(
        encodeMessage(
          { type: COMMAND, timestamp: 0, streamId, data: encodeAmf(values) },
          { chunkStreamId: 3, chunkBytes: 128 },
        ),
      );

    function onConnect(transaction: AmfValue, told: AmfValue): void {
      const { app, tcUrl } = amfFields(told);
      apps.push(String(app));
      const refusal = answer(String(app), String(tcUrl));
      if (refusal === null) {
        send(['_result', transaction, null, { level: 'status', code: 'NetConnection.Connect.Success' }]);
        return;
      }
      const ex = refusal.redirect === undefined ? {} : { ex: { code: 302, redirect: refusal.redirect } };
      const info = { ...REJECTED, description: refusal.description ?? '', ...ex };
      send([refuseBy, refuseBy === '_error' ? transaction : 0, null, info]);
      socket.end();
    }

    function onCommand(data: Buffer): void {
      const [name, transaction, first, key] = decodeAmf(data);
      if (name === 'connect') onConnect(transaction, first);
      if (name === 'createStream') send(['_result', transaction, null, 1]);
      if (name !== 'publish') return;
      keys.push(String(key));
      send(['onStatus', 0, null, { level: 'status', code: 'NetStream.Publish.Start' }], 1);
    }

    function take(message: RtmpMessage): void {
      if (message.type === 1) reader.setChunkBytes(message.data.readUInt32BE());
      if (message.type === COMMAND) onCommand(message.data);
      if (message.type === VIDEO) pictures += 1;
    }
    const reader = createChunkReader({ maxMessageBytes: 16 * 1024 * 1024, onMessage: take });

    function shakeHands(chunk: Buffer, before: Buffer): void {
      const bytes = Buffer.concat([before, chunk]);
      const first = 1 + BLOCK_BYTES;
      if (before.length < first && bytes.length >= first) {
        // No version of Flash in S1: clients then ask for no digest in it.
        const own = Buffer.concat([Buffer.alloc(8), randomBytes(BLOCK_BYTES - 8)]);
        socket.write(Buffer.concat([Buffer.from([3]), own, bytes.subarray(1, first)]));
      }
      hello = bytes;
      if (bytes.length < first + BLOCK_BYTES) return;
      hello = null;
      reader.push(bytes.subarray(first + BLOCK_BYTES));
    }

    socket.on('data', (chunk: Buffer) => {
      if (hello === null) reader.push(chunk);
      else shakeHands(chunk, hello);
    });
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    apps,
    keys,
    get pictures() {
      return pictures;
    },
    get connections() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function md5(text: string, encoding: 'base64' | 'hex'): string {
  return createHash('md5').update(text).digest(encoding);
}

function queryOf(app: string): URLSearchParams {
  // `+` of base64 comes as it is.
  return new URLSearchParams((app.split('?')[1] ?? '').replaceAll('+', '%2B'));
}

const SALT = 'c2FsdA==';
const OPAQUE = 'b3BhcXVl';

/** The server's side of Adobe's authentication (authmod=adobe) for one user. */
export function adobeLogin(user: string, password: string): RtmpHostOptions['answer'] {
  return (app) => {
    const query = queryOf(app);
    const reject = (text: string) => ({ description: `[ AccessManager.Reject ] : ${text}` });
    if (query.get('authmod') !== 'adobe') return reject('[ code=403 need auth; authmod=adobe ] : ');
    const name = query.get('user');
    const response = query.get('response');
    if (response === null) {
      const challenge = `?reason=needauth&user=${name}&salt=${SALT}&challenge=${OPAQUE}&opaque=${OPAQUE}`;
      return reject(`[ authmod=adobe ] : ${challenge}`);
    }
    const secret = md5(`${user}${SALT}${password}`, 'base64');
    const expected = md5(`${secret}${query.get('opaque')}${query.get('challenge')}`, 'base64');
    const isRight = name === user && query.get('opaque') === OPAQUE && response === expected;
    return isRight ? null : reject(`[ authmod=adobe ] : ?reason=authfailed&opaque=${OPAQUE}`);
  };
}

/** Limelight's (authmod=llnw). */
export function llnwLogin(user: string, password: string): RtmpHostOptions['answer'] {
  return (app) => {
    const query = queryOf(app);
    const reject = (text: string) => ({ description: `[ AccessManager.Reject ] : ${text}` });
    if (query.get('authmod') !== 'llnw') return reject('[ code=403 need auth; authmod=llnw ] : ');
    if (query.get('response') === null) {
      return reject(`[ authmod=llnw ] : ?reason=needauth&user=${user}&nonce=abc123`);
    }
    const secret = md5(`${user}:live:${password}`, 'hex');
    const place = md5(`publish:/${app.split('?')[0]}/_definst_`, 'hex');
    const mixed = ['nonce', 'nc', 'cnonce'].map((name) => query.get(name)).join(':');
    const expected = md5(`${secret}:${mixed}:auth:${place}`, 'hex');
    return query.get('response') === expected ? null : reject('[ authmod=llnw ] : ?reason=authfailed');
  };
}
