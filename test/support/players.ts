import { WebSocket } from 'ws';
import { RawRtmp } from './raw-rtmp.ts';

/** Where streams are watched. */
export interface PlaybackPorts {
  readonly http: string;
  readonly rtmp: string;
}

/** Ways to watch a stream; each tries it with that query and says `plays` or how it was refused. */
export type Player = (ports: PlaybackPorts, stream: string, query: string) => Promise<string>;

async function overHttp(url: string): Promise<string> {
  const ended = new AbortController();
  try {
    const { status } = await fetch(url, { signal: ended.signal });
    return status === 200 ? 'plays' : String(status);
  } finally {
    ended.abort();
  }
}

const STATUSES = ['NetStream.Play.Start', 'NetStream.Play.Failed', 'NetStream.Play.StreamNotFound'];

export const overRtmp: Player = async ({ rtmp }, stream, query) => {
  const client = await RawRtmp.connected(Number(new URL(rtmp).port), 'live');
  client.command('play', null, `${stream}${query}`);
  const status = await client.untilOneOf(STATUSES);
  client.destroy();
  return status === STATUSES[0] ? 'plays' : status;
};

export const overFlv: Player = ({ http }, stream, query) => overHttp(`${http}/live/${stream}.flv${query}`);

export const overWebSocket: Player = ({ http }, stream, query) => {
  const socket = new WebSocket(`${http.replace('http', 'ws')}/live/${stream}.flv${query}`);
  return new Promise<string>((resolve) => {
    socket.once('message', () => resolve('plays'));
    socket.once('error', (error) => resolve(/response: (\d+)/.exec(error.message)?.[1] ?? error.message));
  }).finally(() => socket.terminate());
};

export const overPlaylist: Player = ({ http }, stream, query) =>
  overHttp(`${http}/hls/${stream}/index.m3u8${query}`);

/** Of a playlist: URLs of its init segment and its segments, with their queries. */
export async function segmentUrls({ http }: PlaybackPorts, stream: string, query: string): Promise<string[]> {
  const folder = `${http}/hls/${stream}/`;
  const answer = await fetch(`${folder}index.m3u8${query}`);
  if (answer.status !== 200) throw new Error(`the playlist answered ${answer.status}`);
  const text = await answer.text();
  const init = /URI="([^"]+)"/.exec(text)?.[1] ?? '';
  const names = [init, ...text.split('\n').filter((line) => /^\d+\.m4s/.test(line))];
  return names.map((name) => folder + name);
}

/** One file of a playlist that somebody else was given. */
export function overSegment(file: () => Promise<string>): Player {
  return async (_ports, _stream, query) => overHttp(`${(await file()).split('?')[0]}${query}`);
}
