import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { showRtmpUrl } from '../../../src/domain/push/rtmp-url.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { scriptName } from '../../../src/media/flv/script.ts';
import { type FlvTag, isMedia, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createPushRun } from '../../../src/media/push/push-run.ts';
import { openRtmpPublisher, type RtmpPublisher } from '../../../src/media/rtmp/publisher.ts';
import { createTrust, type Trust } from '../../../src/media/rtmp/trust.ts';
import { freeLoopbackPort } from '../../../src/supervisor/loopback.ts';
import { makeAuthority } from '../../support/certificates.ts';
import { makeClip, parseFlv, readFlv } from '../../support/clip.ts';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import { playClip } from '../../support/flv-player.ts';
import { type ForeignHub, startForeignHub } from '../../support/foreign-hub.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';

const run = promisify(execFile);
const WAIT_MS = 60_000;
const PICTURE = 'testsrc2=size=320x180:rate=25';

let dir: string;
let clip: FlvTag[];
let trust: Trust;
let nginx: NginxRtmp;
let hub: ForeignHub;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-interop-'));
  clip = parseFlv(await makeClip({ seconds: 2, size: '320x180' }));
  const authority = makeAuthority('roomcast test authority');
  await writeFile(path.join(dir, 'ca.pem'), authority.cert);
  trust = createTrust(path.join(dir, 'ca.pem'));
  nginx = await startNginxRtmp({ applications: ['live'] });
  hub = await startForeignHub(dir, authority.issue({ names: ['localhost'] }));
});

afterAll(async () => {
  await hub?.stop();
  await nginx?.stop();
  await rm(dir, { recursive: true, force: true });
});

function open(url: string): Promise<RtmpPublisher> {
  return openRtmpPublisher({ url, trust, connectTimeoutMs: WAIT_MS, publishTimeoutMs: WAIT_MS });
}

async function publish(url: string, tags: readonly FlvTag[]): Promise<void> {
  const publisher = await open(url);
  for (const tag of tags) publisher.write(tag);
  await publisher.close();
  expect(await publisher.closed).toMatchObject({ code: 'done' });
}

/** What ffprobe and ffmpeg complain of when they read a file to its end. */
async function complaints(file: string): Promise<string> {
  const probe = await run('ffprobe', ['-v', 'warning', '-show_entries', 'stream=codec_name', file]);
  const whole = await run('ffmpeg', ['-v', 'warning', '-i', file, '-f', 'null', '-']);
  return probe.stderr + whole.stderr;
}

/** Lets rtmpdump read a live stream up to 4 s of media and gives what it said meanwhile. */
async function dump(from: string, key: string, file: string): Promise<string> {
  const child = spawn('rtmpdump', ['-r', from, '-y', key, '--live', '-o', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  try {
    await eventually(async () => ((await readFlv(file)).at(-1)?.timestamp ?? 0) > 4000, WAIT_MS);
    return stderr;
  } finally {
    // It has no other end of a live stream.
    child.kill('SIGINT');
    await exited;
  }
}

describe('what we publish is taken as it is', () => {
  const kinds: [string, () => Promise<FlvTag[]>][] = [
    ['H.264', async () => clip],
    [
      'H.265 as enhanced RTMP',
      () => makeEnhancedClip({ codec: 'hvc1', picture: PICTURE, toneHz: 440, seconds: 1 }),
    ],
    [
      'AV1 as enhanced RTMP',
      () => makeEnhancedClip({ codec: 'av01', picture: PICTURE, toneHz: 440, seconds: 1 }),
    ],
  ];
  const places: [string, () => string][] = [
    ['node-media-server', () => `rtmp://127.0.0.1:${hub.rtmpPort}/live`],
    ['node-media-server over TLS', () => `rtmps://localhost:${hub.rtmpsPort}/live`],
  ];
  for (const [kind, tagsOf] of kinds) {
    for (const [place, at] of places) {
      it(`by ${place}: ${kind}`, async () => {
        const tags = await tagsOf();
        const key = `${kind}-${place}`.replace(/[^A-Za-z0-9]/g, '');
        await publish(`${at()}/${key}`, tags);
        const media = tags.filter(isMedia);
        const recorded = await eventually(async () => {
          const [file] = await hub.recordings('live', key);
          const found = file === undefined ? [] : (await readFlv(file)).filter(isMedia);
          return found.length >= media.length ? found : null;
        }, WAIT_MS);
        expect(recorded).toEqual(media);
      });
    }
  }

  it('by ffmpeg -listen, which reads its metadata, sound and every picture', async () => {
    const port = await freeLoopbackPort();
    const url = `rtmp://127.0.0.1:${port}/live/key`;
    const file = path.join(dir, 'listened.flv');
    const ffmpeg = spawn('ffmpeg', [
      ...['-v', 'error', '-y', '-listen', '1', '-i', url, '-c', 'copy'],
      ...['-flvflags', 'no_duration_filesize', file],
    ]);
    const exited = once(ffmpeg, 'exit');
    // It takes one connection only: a trial of the port would be the one.
    const publisher = await eventually(() => open(url), WAIT_MS, 200);
    for (const tag of clip) publisher.write(tag);
    await publisher.close();
    await exited;
    const tags = await readFlv(file);
    const bodies = (of: readonly FlvTag[], type: number) =>
      of.filter((tag) => isMedia(tag) && tag.type === type).map((tag) => tag.data.toString('base64'));
    expect(bodies(tags, 9)).toEqual(bodies(clip, 9));
    expect(bodies(tags, 8)).toEqual(bodies(clip, 8));
    expect(tags.some((tag) => scriptName(tag) === 'onMetaData')).toBe(true);
    expect(await complaints(file)).toBe('');
  });

  it('by nginx-rtmp, from which rtmpdump reads it without a warning, metadata and all', async () => {
    const url = nginx.rtmpUrl('live', 'dumped');
    const file = path.join(dir, 'dumped.flv');
    const pushing = createPushRun({ log: pino({ level: 'silent' }) });
    pushing.setTargets([{ id: 'one', url: new Secret(url), shownUrl: showRtmpUrl(url) }]);
    const player = playClip(clip, (tag) => pushing.onTag(tag));
    try {
      await eventually(async () => (await nginx.livePublishers()) === 1, WAIT_MS);
      const stderr = await dump(`rtmp://127.0.0.1:${nginx.port}/live`, 'dumped', file);
      expect(stderr).not.toMatch(/WARNING|ERROR/);
      expect(stderr).toMatch(/width +320\.00/);
    } finally {
      player.stop();
      await pushing.close();
    }
    // Behind the header, which nginx gives with time 0 to whoever comes in the middle.
    const [first = 0, ...times] = (await readFlv(file))
      .filter((tag) => tag.type === TAG_VIDEO && tag.data[1] === 1)
      .map((tag) => tag.timestamp);
    const steps = times.map((time, index) => time - (times[index - 1] ?? first));
    expect((times.at(-1) ?? 0) - first).toBeGreaterThan(1000);
    expect(Math.max(...steps)).toBeLessThan(100);
    expect(await complaints(file)).toBe('');
  });
});
