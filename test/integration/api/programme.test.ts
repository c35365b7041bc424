import { describe, expect, it } from 'vitest';
import type { ProgrammeSpec } from '../../../src/domain/programme.ts';
import { app, ask, startRelay, TO, TOKEN, tasks, useOperatorApi } from '../../support/operator-rig.ts';

useOperatorApi();

/** As nobody would write it who uses a library. */
async function sendText(method: 'POST', path: string, payload: string) {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const answer = await app.inject({ method, url: `/api/v1${path}`, headers, payload });
  return { status: answer.statusCode, text: answer.body };
}

const PICTURE = 'https://pictures.test/logo.png';
const UUID = 'ab'.repeat(16);

/** Everything a recording can be asked for, in the form the API takes. */
const WHOLE = {
  layout: {
    mode: 'custom',
    cells: [
      {
        x: 0,
        y: 0,
        width: 640,
        height: 360,
        zOrder: 2,
        renderMode: 'fit-background',
        source: { userId: 'ann', stream: 'aux', room: 'studio' },
        crop: { x: 10, y: 20, width: 300, height: 200 },
        placeholder: PICTURE,
        opacity: 0.5,
      },
      { x: 640, y: 0, width: 640, height: 360 },
    ],
  },
  video: {
    width: 1280,
    height: 720,
    fps: 25,
    bitrateKbps: 3000,
    gopSeconds: 2,
    preset: 'faster',
    rateControl: 'vbr',
  },
  audio: { bitrateKbps: 96, sampleRate: 44_100, channels: 1, codec: 'aac-lc' },
  background: '#204060',
  backgroundPicture: { url: PICTURE, renderMode: 'crop' },
  placeholder: PICTURE,
  watermarks: [
    { type: 'picture', url: PICTURE, x: 0, y: 0, width: 100, height: 50, zOrder: 3 },
    { type: 'text', text: '直播', x: 0, y: 60, width: 300, height: 50, fontSize: 24, color: '#ffffff80' },
    { type: 'timestamp', place: 'bottom-right', timeZone: 5.5 },
  ],
  sound: {
    allow: [{ userId: 'ann', room: 'studio' }, { userId: 'bob' }],
    block: [{ userId: 'cid', room: 8 }],
    levels: [{ userId: 'bob', level: 50 }],
  },
  sei: {
    layoutVolume: { payloadType: 100, intervalMs: 1000, appData: 'x', followIdr: true },
    passThrough: { payloadType: 5, intervalMs: 500, content: 'y', uuid: UUID },
  },
  maxInputs: 25,
};

async function programmeOf(taskId: string): Promise<ProgrammeSpec> {
  const task = await tasks.get(taskId);
  if (task?.source.type !== 'mix') throw new Error('no mix');
  return task.source.programme;
}

async function startRecording(body: object): Promise<string> {
  const { status, json, text } = await ask('POST', '/recordings', { room: 7, ...body });
  expect(status, text).toBe(201);
  return json.taskId as string;
}

describe('a whole programme', () => {
  it('is stored as asked for, shown as it was said, and can be given to another start', async () => {
    const taskId = await startRecording(WHOLE);
    const studio = { kind: 'string', value: 'studio' };
    expect(await programmeOf(taskId)).toEqual({
      ...WHOLE,
      layout: {
        mode: 'custom',
        cells: [
          { ...WHOLE.layout.cells[0], source: { userId: 'ann', stream: 'aux', room: studio } },
          WHOLE.layout.cells[1],
        ],
      },
      sound: {
        allow: [{ userId: 'ann', room: studio }, { userId: 'bob' }],
        block: [{ userId: 'cid', room: { kind: 'number', value: 8 } }],
        levels: [{ userId: 'bob', level: 50 }],
      },
    });
    const shown = await ask('GET', `/recordings/${taskId}`);
    expect(shown.json.programme).toEqual(WHOLE);
    const again = await startRecording(shown.json.programme);
    const [first, second] = await Promise.all([tasks.get(taskId), tasks.get(again)]);
    expect(second?.streamId).toBe(first?.streamId);
  });

  it('of sound only has no video, by null or by none', async () => {
    for (const video of [null, 'none']) {
      const taskId = await startRelay({ video });
      expect(await programmeOf(taskId)).toMatchObject({ video: null });
      expect((await ask('GET', `/relays/${taskId}`)).json.programme.video).toBeNull();
    }
  });

  it('names the own room as nobody would have to', async () => {
    const source = { userId: 'ann', stream: 'main' };
    const cell = { x: 0, y: 0, width: 640, height: 360 };
    const layout = { mode: 'custom', cells: [{ ...cell, source: { ...source, room: 7 } }] };
    const taskId = await startRelay({ layout });
    expect((await programmeOf(taskId)).layout).toEqual({ mode: 'custom', cells: [{ ...cell, source }] });
  });

  it.each<[string, object, RegExp]>([
    ['an opacity of 2', { opacity: 2 }, /opacity/],
    ['a crop of no size', { crop: { x: 0, y: 0, width: 0, height: 0 } }, /crop/],
    ['a z-order of 101', { zOrder: 101 }, /zOrder/],
    ['a field of its own', { colour: 'red' }, /colour/],
  ])('is refused for a cell with %s, by its name', async (_what, change, message) => {
    const layout = { mode: 'custom', cells: [{ x: 0, y: 0, width: 640, height: 360, ...change }] };
    const { status, json } = await ask('POST', '/relays', { room: 7, targets: [TO], layout });
    expect({ status, code: json.error.code }).toEqual({ status: 400, code: 'bad-request' });
    expect(json.error.message).toMatch(message);
  });
});

describe('a hostile programme', () => {
  const cell = { x: 0, y: 0, width: 2, height: 2 };
  const start = (fields: string) => `{"room":9,"targets":["${TO}"],${fields}}`;
  const long = 'x'.repeat(200_000);

  it.each<[string, string]>([
    ['nested ten thousand deep', start(`"layout":${'['.repeat(10_000)}${']'.repeat(10_000)}`)],
    ['objects nested deep', start(`"layout":${'{"mode":'.repeat(5000)}1${'}'.repeat(5000)}`)],
    ['with a prototype', start('"video":{"__proto__":{"fps":1}}')],
    ['with a constructor', start('"video":{"constructor":{"prototype":{"fps":1}}}')],
    ['with a huge number', start('"video":{"fps":1e999}')],
    ['with a negative zero of places', start(`"layout":{"mode":"custom","cells":[{"x":-1e308}]}`)],
    ['with NaN', start('"video":{"fps":NaN}')],
    ['of thousands of cells', start(`"layout":{"mode":"custom","cells":[${'0,'.repeat(9999)}0]}`)],
    [
      'of too many cells',
      start(`"layout":${JSON.stringify({ mode: 'custom', cells: Array(3000).fill(cell) })}`),
    ],
    ['with a field of a long name', start(`"${long}":1`)],
    ['with a long text', start(`"background":"${long}"`)],
    ['with a long mode', start(`"layout":{"mode":"${long}"}`)],
    ['with thousands of watermarks', start(`"watermarks":[${'{},'.repeat(30_000)}{}]`)],
    ['with a long user', start(`"main":"${long}"`)],
    ['of a megabyte', start(`"background":"${'x'.repeat(1_000_000)}"`)],
  ])('%s is refused in a short sentence, and nothing is started', async (_what, body) => {
    const startedAt = performance.now();
    const { status, text } = await sendText('POST', '/relays', body);
    expect([400, 413]).toContain(status);
    expect(text.length).toBeLessThan(4000);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(await tasks.list()).toEqual([]);
  });

  it('with a field named twice is what the last one says', async () => {
    const { status, text } = await sendText('POST', '/relays', start('"video":{"fps":5},"video":{"fps":7}'));
    expect(status).toBe(201);
    const task = await tasks.get(JSON.parse(text).taskId);
    expect(task?.source).toMatchObject({ programme: { video: { fps: 7 } } });
  });
});

describe('a running programme', () => {
  it('changes by what is named, and null or [] takes away what is optional', async () => {
    const taskId = await startRelay({ ...WHOLE, maxInputs: 16 });
    const before = await programmeOf(taskId);
    const change = async (body: object) => {
      const { status, text } = await ask('PATCH', `/relays/${taskId}`, body);
      expect(status, text).toBe(200);
    };
    await change({ video: { fps: 30, bitrateKbps: 4000 }, watermarks: [], sound: { allow: [] }, sei: null });
    const { watermarks: _w, sei: _s, ...rest } = before;
    expect(await programmeOf(taskId)).toEqual({
      ...rest,
      video: { ...before.video, fps: 30, bitrateKbps: 4000 },
      sound: { block: before.sound?.block, levels: before.sound?.levels },
    });
    await change({ backgroundPicture: null, placeholder: null, sound: null, background: '#000000' });
    await change({ layout: 'floating', main: 'bob', maxInputs: null });
    expect(await programmeOf(taskId)).toEqual({
      video: { ...before.video, fps: 30, bitrateKbps: 4000 },
      audio: before.audio,
      layout: { mode: 'floating', main: { userId: 'bob' } },
      background: '#000000',
    });
  });

  it.each<[string, object, RegExp]>([
    ['the audio codec', { audio: { codec: 'he-aac' } }, /fixed while it runs/],
    ['its audio bitrate', { audio: { bitrateKbps: 64 } }, /fixed while it runs/],
    ['its video away', { video: null }, /sound only/],
    ['to 17 inputs', { maxInputs: 17 }, /at most 16/],
    ['to an odd size', { video: { width: 641 } }, /even/],
    ['to a size its cells do not fit', { layout: WHOLE.layout, video: { width: 640 } }, /beyond the 640x720/],
  ])('cannot change %s', async (_what, body, message) => {
    const taskId = await startRelay();
    const before = await tasks.get(taskId);
    const { status, json } = await ask('PATCH', `/relays/${taskId}`, body);
    expect(status).toBe(400);
    expect(json.error.message).toMatch(message);
    expect(await tasks.get(taskId)).toEqual(before);
  });

  it('of sound only gets no video', async () => {
    const taskId = await startRelay({ video: null });
    const { status, json } = await ask('PATCH', `/relays/${taskId}`, { video: { fps: 30 } });
    expect(status).toBe(400);
    expect(json.error.message).toMatch(/gets no video/);
  });

  it('of a recording changes too, up to 25 inputs', async () => {
    const taskId = await startRecording({});
    const patch = (body: object) => ask('PATCH', `/recordings/${taskId}`, body);
    expect((await patch({ layout: 'share', main: 'ann', maxInputs: 25 })).status).toBe(200);
    expect(await programmeOf(taskId)).toMatchObject({
      layout: { mode: 'share', main: { userId: 'ann' } },
      maxInputs: 25,
    });
    expect((await patch({})).status).toBe(400);
    await ask('DELETE', `/recordings/${taskId}`);
    expect((await patch({ layout: 'grid' })).status).toBe(409);
    expect((await ask('PATCH', '/recordings/nosuchtask', { layout: 'grid' })).status).toBe(404);
  });

  it('of a recording that shares its mix with a relay stays within the limit of relays', async () => {
    const relay = await startRelay();
    const recording = await startRecording({});
    const { status, json } = await ask('PATCH', `/recordings/${recording}`, { maxInputs: 25 });
    expect(status).toBe(409);
    expect(json.error.message).toMatch(/shares this mix/);
    expect((await ask('PATCH', `/recordings/${recording}`, { background: '#000000' })).status).toBe(200);
    expect(await programmeOf(relay)).toMatchObject({ background: '#000000' });
  });
});

describe('numbered changes', () => {
  it('are applied in growing order; a stale one is a conflict and changes nothing', async () => {
    const taskId = await startRelay();
    const change = (sequenceNumber: number, background: string) =>
      ask('PATCH', `/relays/${taskId}`, { sequenceNumber, background, add: [`${TO}-${sequenceNumber}`] });
    expect((await change(5, '#000005')).status).toBe(200);
    const before = await tasks.get(taskId);
    for (const stale of [5, 4, 0]) {
      const { status, json } = await change(stale, '#ffffff');
      expect({ status, code: json.error.code }).toEqual({ status: 409, code: 'conflict' });
    }
    expect(await tasks.get(taskId)).toEqual(before);
    expect((await ask('PATCH', `/relays/${taskId}`, { background: '#111111' })).status).toBe(200);
    expect((await change(6, '#000006')).status).toBe(200);
    expect((await ask('GET', `/relays/${taskId}`)).json).toMatchObject({
      sequenceNumber: 6,
      programme: { background: '#000006' },
    });
  });

  it('sent all at once leave the one with the highest number', async () => {
    const taskId = await startRelay();
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
    const answers = await Promise.all(
      numbers.map((number) =>
        ask('PATCH', `/relays/${taskId}`, { sequenceNumber: number, background: `#0000${10 + number}` }),
      ),
    );
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
    expect(answers.at(-1)?.status).toBe(200);
    expect(await programmeOf(taskId)).toMatchObject({ background: '#000030' });
  });
});
