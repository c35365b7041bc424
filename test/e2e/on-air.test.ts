import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
import { readFlv } from '../support/clip.ts';
import { eventually } from '../support/eventually.ts';
import {
  colourDistance,
  lastPicture,
  lastSound,
  meanColour,
  probeFile,
  toneLevel,
  trackTimes,
} from '../support/media-checks.ts';
import { type RunningRoomcast, startRoomcast } from '../support/roomcast.ts';
import {
  cliJson,
  GUESTS,
  type ListedRecording,
  type ListedRelay,
  leftOutMs,
  Studio,
  untilLive,
} from '../support/studio.ts';

const ROOM = 1001;
const SIZE = { width: 1280, height: 720 };
const TONE_PRESENT = 0.02;
const TONE_ABSENT = 0.005;
/** 4:2:0 colour through two encoders moves a channel by some 20 of 255. */
const COLOUR_TOLERANCE = 45;

describe('a room on the air', () => {
  let nginx: NginxRtmp;
  let roomcast: RunningRoomcast;
  let studio: Studio;
  let relay: { taskId: string; streamId: string };
  let recording: { taskId: string };
  const guests = [GUESTS.red, GUESTS.green, GUESTS.blue, GUESTS.yellow];

  beforeAll(async () => {
    nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
    roomcast = await startRoomcast();
    studio = await Studio.open(guests);
    for (const guest of guests) {
      await studio.publish(roomcast, ROOM, guest);
      // cells are filled in the order of entry
      await eventually(async () => {
        const rooms = await cliJson<{ users: { userId: string }[] }[]>(roomcast, 'rooms');
        return rooms[0]?.users.some((user) => user.userId === guest.userId);
      });
    }
    const to = nginx.rtmpUrl('live', 'programme');
    relay = await cliJson(roomcast, 'relay', 'start', '--room', String(ROOM), '--to', to);
    await untilLive(roomcast, relay.taskId);
    recording = await cliJson(roomcast, 'record', 'start', '--room', String(ROOM));
  });

  afterAll(async () => {
    await studio?.close();
    await roomcast?.stop();
    await nginx?.stop();
  });

  const recordedAtNginx = async () => {
    const files = (await readdir(nginx.recordingDir)).filter((name) => name.startsWith('programme'));
    return files.map((name) => path.join(nginx.recordingDir, name));
  };

  it('shows every user in the cell of the entry order, and sounds every tone, at the foreign server', async () => {
    const [file = ''] = await recordedAtNginx();
    await eventually(async () => {
      const picture = await lastPicture(file, SIZE.width, SIZE.height);
      const boxes = [0, 1, 2, 3].map((i) => ({
        x: (i % 2) * 640,
        y: Math.floor(i / 2) * 360,
        width: 640,
        height: 360,
      }));
      guests.forEach((guest, i) => {
        const box = boxes[i];
        if (!box) throw new Error('no box');
        const seen = meanColour(picture, box);
        expect(colourDistance(seen, guest.colour), `cell ${i} shows ${seen}`).toBeLessThan(COLOUR_TOLERANCE);
      });
      const sound = await lastSound(file, 2);
      for (const { userId, toneHz } of guests) {
        expect(toneLevel(sound, toneHz), `tone of ${userId}`).toBeGreaterThan(TONE_PRESENT);
      }
      expect(toneLevel(sound, 3000)).toBeLessThan(TONE_ABSENT);
      return true;
    });
  });

  it('prints what the contract says about relays, with the key hidden', async () => {
    const relays = await cliJson<ListedRelay[]>(roomcast, 'relay', 'list');
    const listed = relays.find((one) => one.taskId === relay.taskId);
    expect(listed).toMatchObject({
      taskId: relay.taskId,
      room: ROOM,
      state: 'running',
      streamId: `${roomcast.app.sdkAppId}_${ROOM}_mix_${relay.taskId.slice(0, 8)}_main`,
      targets: [{ state: 'live', nextRetryAt: null, lastError: null }],
    });
    expect(listed?.targets[0]?.bytes).toBeGreaterThan(0);
    expect(JSON.stringify(listed)).not.toContain('programme');
  });

  it('is watched by RTMP, HTTP-FLV and HLS', async () => {
    const urls = await cliJson<{ rtmp: string; flv: string; hls: string }>(
      roomcast,
      'play-url',
      relay.streamId,
    );
    const viewer = new AbortController();
    const flv = await fetch(urls.flv, { signal: viewer.signal });
    expect(flv.status).toBe(200);
    const first = await flv.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString('latin1', 0, 3)).toBe('FLV');
    viewer.abort();

    const rtmp = await lastPicture(urls.rtmp, SIZE.width, SIZE.height, 1);
    expect(rtmp.rgb.length).toBe(SIZE.width * SIZE.height * 3);

    const playlist = await eventually(async () => {
      const answer = await fetch(urls.hls);
      const text = await answer.text();
      return answer.status === 200 && text.includes('#EXTINF') ? text : null;
    });
    expect(playlist).toContain('#EXT-X-MAP');
    const hls = await lastPicture(urls.hls, SIZE.width, SIZE.height, 2);
    expect(hls.rgb.length).toBe(SIZE.width * SIZE.height * 3);
  });

  it('needs a ticket to play the stream of a single user', async () => {
    const raw = `${roomcast.app.sdkAppId}_${ROOM}_red_main`;
    expect((await fetch(`${roomcast.http}/live/${raw}.flv`)).status).toBe(403);
    expect((await fetch(`${roomcast.http}/hls/${raw}/index.m3u8`)).status).toBe(403);
    const urls = await cliJson<{ flv: string; hls: string }>(roomcast, 'play-url', raw);
    const viewer = new AbortController();
    expect((await fetch(urls.flv, { signal: viewer.signal })).status).toBe(200);
    viewer.abort();
    await eventually(async () => (await fetch(urls.hls)).status === 200);
    const shown = meanColour(await lastPicture(urls.hls, 640, 360, 1), {
      x: 0,
      y: 0,
      width: 640,
      height: 360,
    });
    expect(colourDistance(shown, GUESTS.red.colour)).toBeLessThan(COLOUR_TOLERANCE);
  });

  it('records one user as they are', async () => {
    const args = [
      'record',
      'start',
      '--room',
      String(ROOM),
      '--mode',
      'single',
      '--user',
      'green',
      '--for',
      '4s',
    ];
    const { taskId } = await cliJson<{ taskId: string }>(roomcast, ...args);
    const ready = await eventually(async () => {
      const listed = await cliJson<ListedRecording[]>(roomcast, 'record', 'list');
      const found = listed.find((one) => one.taskId === taskId);
      return found?.state === 'ready' ? found : null;
    }, 40_000);
    const [file] = ready.files;
    expect(file?.userId).toBe('green');
    const probe = await probeFile(file?.path ?? '');
    expect(probe.errors).toBe('');
    expect(Math.abs(probe.durationMs - 4000)).toBeLessThan(1500);
    const shown = meanColour(await lastPicture(file?.path ?? '', 640, 360), {
      x: 0,
      y: 0,
      width: 640,
      height: 360,
    });
    expect(colourDistance(shown, GUESTS.green.colour)).toBeLessThan(COLOUR_TOLERANCE);
  });

  it('copies one user by a single relay without mixing', async () => {
    const to = nginx.rtmpUrl('live', 'single');
    const args = ['relay', 'start', '--room', String(ROOM), '--single', 'blue', '--to', to];
    const single = await cliJson<{ taskId: string; streamId: string }>(roomcast, ...args);
    expect(single.streamId).toBe(`${roomcast.app.sdkAppId}_${ROOM}_blue_main`);
    await untilLive(roomcast, single.taskId);
    const file = await eventually(async () => {
      const name = (await readdir(nginx.recordingDir)).find((one) => one.startsWith('single'));
      const found = path.join(nginx.recordingDir, name ?? '');
      return name && trackTimes(await readFlv(found), 9).count > 90 ? found : null;
    });
    const picture = await lastPicture(file, 640, 360);
    const seen = meanColour(picture, { x: 0, y: 0, width: 640, height: 360 });
    expect(colourDistance(seen, GUESTS.blue.colour)).toBeLessThan(COLOUR_TOLERANCE);
    expect((await roomcast.cli(['relay', 'stop', single.taskId])).code).toBe(0);
    await eventually(async () => {
      const relays = await cliJson<ListedRelay[]>(roomcast, 'relay', 'list');
      const state = relays.find((one) => one.taskId === single.taskId)?.state;
      return state === undefined || state === 'ended';
    });
  });

  it('adds and removes a push while the others go on unbroken', async () => {
    const second = nginx.rtmpUrl('live', 'second');
    await cliJson(roomcast, 'relay', 'update', relay.taskId, '--add', second);
    const live = await untilLive(roomcast, relay.taskId);
    expect(live.targets).toHaveLength(2);
    await cliJson(roomcast, 'relay', 'update', relay.taskId, '--remove', second);
    await eventually(async () => {
      const relays = await cliJson<ListedRelay[]>(roomcast, 'relay', 'list');
      return relays.find((one) => one.taskId === relay.taskId)?.targets.length === 1;
    });
    expect(await recordedAtNginx()).toHaveLength(1);
    const video = trackTimes(await readFlv((await recordedAtNginx())[0] ?? ''), 9);
    expect(video.largestGapMs).toBeLessThanOrEqual(100 + (await leftOutMs(roomcast, relay.taskId)));
    expect(video.wentBack).toEqual([]);
  });

  it('shows another layout on the air without a new session', async () => {
    const update = ['relay', 'update', relay.taskId, '--layout', 'floating', '--main', 'blue'];
    expect(await cliJson(roomcast, ...update)).toEqual({ taskId: relay.taskId });
    const [file = ''] = await recordedAtNginx();
    const small = { y: 542, width: 300, height: 168 };
    await eventually(async () => {
      const picture = await lastPicture(file, SIZE.width, SIZE.height);
      const seen = [
        { x: 0, y: 0, width: 1280, height: 500 },
        { x: 16, ...small },
        { x: 332, ...small },
        { x: 648, ...small },
      ].map((box) => meanColour(picture, box));
      const wanted = [GUESTS.blue, GUESTS.red, GUESTS.green, GUESTS.yellow];
      for (const [i, guest] of wanted.entries()) {
        const colour = seen[i] ?? [0, 0, 0];
        expect(colourDistance(colour, guest.colour), `${guest.userId}: ${colour}`).toBeLessThan(
          COLOUR_TOLERANCE,
        );
      }
      return true;
    });
    await cliJson(roomcast, 'relay', 'update', relay.taskId, '--main', 'green');
    await cliJson(roomcast, 'relay', 'update', relay.taskId, '--layout', 'grid');
    expect(await nginx.publishSessions('live', 'programme')).toBe(1);
    const grid = await roomcast.cli(['relay', 'update', relay.taskId, '--main', 'blue']);
    expect(grid).toMatchObject({ code: 1, stdout: '' });
    expect(grid.stderr).toContain('floating and share');
  });

  it('leaves one playable MP4 of the recording, as long as it was on the air', async () => {
    await cliJson(roomcast, 'record', 'stop', recording.taskId);
    const ready = await eventually(async () => {
      const listed = await cliJson<ListedRecording[]>(roomcast, 'record', 'list');
      const found = listed.find((one) => one.taskId === recording.taskId);
      return found?.state === 'ready' ? found : null;
    });
    expect(ready.files).toHaveLength(1);
    const [file] = ready.files;
    const probe = await probeFile(file?.path ?? '');
    expect(probe.errors).toBe('');
    expect(probe.durationMs).toBeGreaterThan(3000);
    expect(Math.abs(probe.durationMs - (file?.durationMs ?? 0))).toBeLessThan(200);
    expect(file?.verdict.playable).toBe(true);
  });
});
