import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { openUplink, type Uplink } from '../../../src/media/programme/output/uplink.ts';
import { eventually } from '../../support/eventually.ts';
import { type RtmpSink, startRtmpSink } from '../../support/rtmp-sink.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Watched {
  readonly uplink: Uplink;
  readonly sink: RtmpSink;
  readonly attempts: () => number;
  readonly fenced: () => number;
}

async function startUplink(refuseWith: string): Promise<Watched> {
  const sink = await startRtmpSink();
  sink.refuseWith = refuseWith;
  let [attempts, fenced] = [0, 0];
  const uplink = openUplink({
    url() {
      attempts += 1;
      return sink.url;
    },
    log: pino({ level: 'silent' }),
    onFenced() {
      fenced += 1;
    },
  });
  closers.push(() => uplink.close(), sink.close);
  return { uplink, sink, attempts: () => attempts, fenced: () => fenced };
}

test('a programme whose ticket is refused tries on until it is taken', async () => {
  const { uplink, sink, attempts, fenced } = await startUplink('NetStream.Publish.Denied');
  await eventually(() => attempts() > 4);
  expect(fenced()).toBe(0);
  sink.refuseWith = null;
  await eventually(() => uplink.isConnected);
  expect(uplink.starts).toBe(1);
});

test('a programme whose name a higher epoch holds is told that it is fenced', async () => {
  const { uplink, fenced } = await startUplink('NetStream.Publish.BadName');
  await eventually(() => fenced() > 0);
  expect(uplink.starts).toBe(0);
});
