import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FlvTag, isMedia, TAG_AUDIO, TAG_VIDEO } from '../../src/media/flv/tag.ts';
import { freeLoopbackPort } from '../../src/supervisor/loopback.ts';
import { makeFlv, readFlv } from '../support/clip.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultyRtmp, type FaultyRtmpOptions, startFaultyRtmp } from '../support/faulty-rtmp.ts';
import { firstWrongPacket } from '../support/looped-clip.ts';
import { trackTimes } from '../support/media-checks.ts';
import { type NginxRtmp, startNginxRtmp } from '../support/nginx-rtmp.ts';
import { type Publisher, startPublisher } from '../support/publisher.ts';
import { type RunningRoomcast, startRoomcast } from '../support/roomcast.ts';
import { cliJson, type ListedRelay } from '../support/studio.ts';
import { type Look, type TargetWatch, watchTargets } from '../support/target-watch.ts';

const ROOM = 11;
const ON_AIR_MS = 60_000;
const KBPS = 4000;
/** How long a server that takes nothing may be shown as live: when it tells what it has read, and when it does not. */
const TOLD_MS = 10_000;
const UNTOLD_MS = 20_000;

const MISBEHAVIOURS = [
  'refuses the key',
  'never reads',
  'resets',
  'drips',
  'drips and tells',
  'freezes',
  'freezes and tells',
] as const;
type Misbehaviour = (typeof MISBEHAVIOURS)[number];

const SERVERS: Readonly<Record<Misbehaviour, FaultyRtmpOptions>> = {
  'refuses the key': { fault: 'refuses' },
  'never reads': { fault: 'never-reads' },
  resets: { fault: 'resets' },
  drips: { fault: 'drips' },
  'drips and tells': { fault: 'drips', acknowledges: 'whatever it reads' },
  freezes: { fault: 'freezes' },
  'freezes and tells': { fault: 'freezes', acknowledges: true },
};

/** Camera pictures by copy: what the targets get is byte for byte what was published, however busy the machine is. */
describe('two good targets beside seven servers that misbehave and one that is not there', () => {
  let dir: string;
  let clip: FlvTag[];
  let good: NginxRtmp[] = [];
  const faulty = new Map<Misbehaviour, FaultyRtmp>();
  let nobodyPort: number;
  let roomcast: RunningRoomcast;
  let publisher: Publisher;
  const watches: TargetWatch[] = [];
  let watch: TargetWatch;
  let begunAt: number;

  const server = (name: Misbehaviour): FaultyRtmp => {
    const found = faulty.get(name);
    if (!found) throw new Error(`no server that ${name}`);
    return found;
  };

  const startRelay = async (urls: readonly string[]) => {
    const args = ['relay', 'start', '--room', String(ROOM), '--single', 'camera', '--to', '-', '--json'];
    const { code, stdout, stderr } = await roomcast.cli(args, urls.join('\n'));
    if (code !== 0) throw new Error(`relay start ended with ${code}: ${stderr}`);
    const started = watchTargets(roomcast, (JSON.parse(stdout) as ListedRelay).taskId);
    watches.push(started);
    return started;
  };

  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'roomcast-isolation-'));
    // Noise: an encoder spends on it what it may.
    const picture = 'testsrc2=size=640x360:rate=30,noise=alls=40:allf=t';
    const file = await makeFlv({
      dir,
      name: 'clip',
      picture,
      fps: 30,
      gop: 60,
      videoKbps: KBPS,
      seconds: 10,
    });
    clip = await readFlv(file);
    const applications = [{ name: 'live', record: true }];
    good = [await startNginxRtmp({ applications }), await startNginxRtmp({ applications })];
    for (const name of MISBEHAVIOURS) faulty.set(name, await startFaultyRtmp(SERVERS[name]));
    nobodyPort = await freeLoopbackPort();
    roomcast = await startRoomcast();
    const user = ['--room', String(ROOM), '--user', 'camera'];
    const { url } = await cliJson<{ url: string }>(roomcast, 'publish-url', ...user);
    publisher = startPublisher(url, file);
    await eventually(async () => (await cliJson<unknown[]>(roomcast, 'rooms')).length === 1, 30_000);
    begunAt = Date.now();
    watch = await startRelay([
      ...good.map((nginx) => nginx.rtmpUrl('live', 'programme')),
      ...[...faulty.values()].map(({ url: to }) => to),
      `rtmp://127.0.0.1:${nobodyPort}/live/programme`,
    ]);
  });

  afterAll(async () => {
    for (const one of watches) one.stop();
    await publisher?.kill();
    await roomcast?.stop();
    for (const one of faulty.values()) await one.close();
    for (const nginx of good) await nginx.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const untilTheEnd = () => eventually(() => Date.now() - begunAt > ON_AIR_MS, ON_AIR_MS + 5000, 250);
  const errorCodes = (looks: readonly Look[]) =>
    new Set(looks.flatMap(({ target }) => (target.lastError === null ? [] : [target.lastError.code])));

  /** Every time its trouble began it was shown as something else than live before so many ms. */
  function expectSeen(name: Misbehaviour, withinMs: number): void {
    const { port, troubleAt } = server(name);
    const judged = troubleAt.filter((at) => at < begunAt + ON_AIR_MS - withinMs);
    expect(judged.length, `sessions of the server that ${name}`).toBeGreaterThan(0);
    for (const at of judged) {
      const seenAt = watch.left(port, ['live'], at);
      const message = `the server that ${name}, ${watch.story(port, at)}`;
      expect((seenAt ?? Number.POSITIVE_INFINITY) - at, message).toBeLessThan(withinMs);
    }
  }

  it('one that comes up late is live within 3 s of the retry that is due, and one that restarts within 5 s', async () => {
    const port = await freeLoopbackPort();
    const late = await startRelay([`rtmp://127.0.0.1:${port}/live/late`]);
    await eventually(() => late.looks(port).some(({ target }) => target.attempt >= 3), 30_000);
    expect(errorCodes(late.looks(port))).toEqual(new Set(['connection-refused']));

    const nginx = await startNginxRtmp({ applications: ['live'], port });
    const upAt = Date.now();
    try {
      // The first that was due when the server was up, as it was shown.
      const due = await eventually(() => {
        const { state, nextRetryAt } = late.now(port);
        return state === 'live' ? upAt : nextRetryAt !== null && nextRetryAt > upAt && nextRetryAt;
      }, 30_000);
      const [session] = await eventually(async () => {
        const all = await nginx.sessions();
        return all.length > 0 && all;
      }, 40_000);
      expect((session?.startedAt ?? Number.POSITIVE_INFINITY) - due).toBeLessThan(3000);
      // A good while on the air: what follows is a new trouble.
      await eventually(() => late.now(port).state === 'live' && late.now(port).attempt === 0, 30_000);
    } finally {
      await nginx.stop();
    }

    const downAt = Date.now();
    const again = await startNginxRtmp({ applications: ['live'], port });
    const backAt = Date.now();
    try {
      const [session] = await eventually(async () => {
        const all = await again.sessions();
        return all.length > 0 && all;
      }, 60_000);
      // On a machine that takes seconds to start nginx the pauses have grown meanwhile.
      const allowed = Math.max(5000, 1.5 * (backAt - downAt) + 2000);
      expect((session?.startedAt ?? Number.POSITIVE_INFINITY) - backAt).toBeLessThan(allowed);
      const live = await eventually(() => late.now(port).state === 'live' && late.now(port), 30_000);
      expect(live.reconnects).toBe(1);
    } finally {
      await again.stop();
      late.stop();
    }
  });

  it('the good ones get every packet, without a gap and in one session each', async () => {
    await untilTheEnd();
    for (const nginx of good) {
      const [name = '', ...more] = await readdir(nginx.recordingDir);
      expect(more).toEqual([]);
      const tags = await readFlv(path.join(nginx.recordingDir, name));
      for (const type of [TAG_VIDEO, TAG_AUDIO] as const) {
        const times = trackTimes(tags, type);
        expect(times.lastMs - times.firstMs).toBeGreaterThan(ON_AIR_MS * 0.8);
        expect(times.largestGapMs).toBeLessThanOrEqual(100);
        expect(times.wentBack).toEqual([]);
        expect(firstWrongPacket(clip, tags, type)).toBeNull();
      }
      const media = tags.filter(isMedia);
      const mediaMs = (media.at(-1)?.timestamp ?? 0) - (media[0]?.timestamp ?? 0);
      const bytes = media.reduce((sum, tag) => sum + tag.data.length, 0);
      expect((bytes * 8) / mediaMs).toBeGreaterThan(KBPS);
      expect(await nginx.sessions()).toMatchObject([{ key: 'programme', endedAt: null }]);
    }
  });

  it('the good ones show no trouble of the others', async () => {
    await untilTheEnd();
    for (const { port } of good) {
      const looks = watch.looks(port);
      const live = looks.slice(looks.findIndex(({ target }) => target.state === 'live'));
      expect(new Set(live.map(({ target }) => target.state))).toEqual(new Set(['live']));
      expect(errorCodes(looks)).toEqual(new Set());
      const last = watch.now(port);
      expect(last).toMatchObject({ attempt: 0, nextRetryAt: null, droppedFrames: 0, reconnects: 0 });
      expect(last.takenBy).toBe('peer');
    }
  });

  it('one that refuses the key is asked three times, says so within 10 s and is left alone', async () => {
    await untilTheEnd();
    const { port, attempts } = server('refuses the key');
    expect(attempts).toBe(3);
    const refused = watch.looks(port).findIndex(({ target }) => target.state === 'refused');
    expect((watch.looks(port)[refused]?.at ?? Number.POSITIVE_INFINITY) - begunAt).toBeLessThan(TOLD_MS);
    for (const { target } of watch.looks(port).slice(refused)) {
      expect(target).toMatchObject({ state: 'refused', attempt: 3, nextRetryAt: null, reconnects: 0 });
      expect(target).toMatchObject({ lastError: { code: 'key-refused' }, onAirMs: 0, kbps: 0 });
    }
  });

  it('one that takes nothing is not called live for longer than 20 s, or 10 s where it tells what it takes', async () => {
    await untilTheEnd();
    expectSeen('never reads', UNTOLD_MS);
    expectSeen('drips', UNTOLD_MS);
    expectSeen('drips and tells', TOLD_MS);
    expectSeen('freezes', UNTOLD_MS);
    expectSeen('freezes and tells', TOLD_MS);
    for (const name of ['never reads', 'drips', 'drips and tells', 'freezes', 'freezes and tells'] as const) {
      const codes = [...errorCodes(watch.looks(server(name).port))];
      expect(codes.length, name).toBeGreaterThan(0);
      expect(['stalled', 'too-slow'], name).toEqual(expect.arrayContaining(codes));
    }
  });

  it('bytes are those that were taken: what is thrown away with a session is not among them', async () => {
    await untilTheEnd();
    for (const name of ['drips and tells', 'freezes and tells'] as const) {
      expect(watch.now(server(name).port).bytes, name).toBeLessThanOrEqual(server(name).readBytes + 10_000);
    }
    for (const name of ['never reads', 'freezes'] as const) {
      const looks = watch.looks(server(name).port);
      const ends = looks.flatMap(({ target }, i) => {
        const before = looks[i - 1]?.target;
        const isEnd = target.state === 'backing-off' && before?.state !== 'backing-off';
        return isEnd ? [target.bytes - (before?.bytes ?? 0)] : [];
      });
      expect(ends.length, name).toBeGreaterThan(0);
      // It had stalled: nothing was taken in its last seconds.
      expect(Math.max(...ends), name).toBeLessThan(300_000);
    }
  });

  it('one that resets is connected again each time, and one that is not there is asked again without end', async () => {
    await untilTheEnd();
    const resets = server('resets');
    expect(resets.publishes).toBeGreaterThanOrEqual(4);
    expect(errorCodes(watch.looks(resets.port))).toEqual(new Set(['closed-by-peer']));
    expect(resets.publishes - watch.now(resets.port).reconnects).toBeLessThanOrEqual(2);

    const looks = watch.looks(nobodyPort);
    expect(errorCodes(looks)).toEqual(new Set(['connection-refused']));
    expect(watch.now(nobodyPort).attempt).toBeGreaterThanOrEqual(5);
    expect(watch.now(nobodyPort)).toMatchObject({ bytes: 0, kbps: 0, onAirMs: 0, reconnects: 0 });
    for (const { target } of looks.filter((look) => look.target.state === 'backing-off')) {
      const pause = (target.nextRetryAt ?? 0) - (target.lastError?.at ?? 0);
      const plain = Math.min(30_000, 1000 * 2 ** (target.attempt - 1));
      expect(pause).toBeGreaterThanOrEqual(plain * 0.8 - 10);
      expect(pause).toBeLessThanOrEqual(plain * 1.2 + 10);
    }
  });
});
