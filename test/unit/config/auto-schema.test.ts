import { describe, expect, it } from 'vitest';
import { autoSettings } from '../../../src/config/app.ts';
import { parseApps } from '../../../src/config/apps.ts';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';

const APP = { sdkAppId: 1, name: 'default', secretKey: 'k'.repeat(64), apiKeys: [] };
const KEY = 's3cret-key';
const TO = `rtmp://127.0.0.1/live/{streamId}?token=${KEY}`;

function parse(settings: object) {
  const file = { apps: [{ ...APP, ...settings }], adminToken: 't'.repeat(32) };
  return parseApps(JSON.stringify(file), 'apps.json');
}

describe('what goes on the air by itself', () => {
  it('is read with all its defaults, and no destination shows', () => {
    const apps = parse({ autoRelay: { of: 'stream', to: [TO] }, autoRecord: { mode: 'single' } });
    expect(autoSettings(apps)).toMatchObject([
      {
        appId: 1,
        relay: { of: 'stream', rooms: ['*'], maxIdleSeconds: 30 },
        record: { mode: 'single', formats: ['mp4'], rooms: ['*'], maxIdleSeconds: 30 },
      },
    ]);
    expect(autoSettings(apps)[0]?.relay?.to.map((to) => to.reveal())).toEqual([TO]);
    expect(JSON.stringify(apps)).not.toContain(KEY);
    expect(autoSettings(parse({}))).toEqual([]);
  });

  it('a mixed recording is of the mix that is relayed, so that it costs no encode of its own', () => {
    const mix = {
      of: 'mix',
      to: [TO],
      layout: 'share',
      size: '640x360',
      fps: 25,
      bitrateKbps: 900,
      rooms: '7',
    };
    const [both] = autoSettings(parse({ autoRelay: mix, autoRecord: { mode: 'mixed', maxIdleSeconds: 5 } }));
    expect(both?.relay).toMatchObject({
      rooms: ['7'],
      programme: {
        layout: { mode: 'share' },
        video: { width: 640, height: 360, fps: 25, bitrateKbps: 900, gopSeconds: 2 },
      },
    });
    expect(both?.record?.programme).toEqual(both?.relay?.programme);
    const [alone] = autoSettings(parse({ autoRecord: { mode: 'mixed' } }));
    expect(alone?.record?.programme).toEqual(DEFAULT_PROGRAMME);
  });

  const mix = { of: 'mix', to: [TO] };
  const stream = { of: 'stream', to: [TO] };
  const to = (template: string) => [`rtmp://h/${template}?token=${KEY}`];
  it.each([
    ['an unknown setting', { autoRelay: { ...mix, colour: 'red' } }, /colour/],
    ['a target that is none', { autoRelay: { ...mix, to: [`http://h/{roomId}?${KEY}`] } }, /rtmp:\/\//],
    ['an unknown placeholder', { autoRelay: { ...mix, to: to('a/{room}') } }, /placeholders/],
    [
      'one address for all streams',
      { autoRelay: { ...stream, to: to('a/{roomId}') } },
      /to\.0: needs \{streamId\}/,
    ],
    [
      'one address for the mixes of all rooms',
      { autoRelay: { ...mix, to: to('a/b') } },
      /to\.0: needs \{roomId\}/,
    ],
    ['the same target twice', { autoRelay: { ...mix, to: [TO, TO] } }, /to\.1: is there twice/],
    ['a layout of streams that are not mixed', { autoRelay: { ...stream, layout: 'grid' } }, /layout: /],
    ['a size that is none', { autoRelay: { ...mix, size: 'big' } }, /size: /],
    ['a programme that cannot be made', { autoRelay: { ...mix, size: '641x360' } }, /even/],
    [
      'an idle time that is too short',
      { autoRecord: { mode: 'mixed', maxIdleSeconds: 1 } },
      /maxIdleSeconds/,
    ],
    ['another format', { autoRecord: { mode: 'mixed', formats: ['hls'] } }, /mp4 only/],
    ['an empty list of rooms', { autoRecord: { mode: 'mixed', rooms: [] } }, /rooms/],
  ])('refuses %s without repeating a key', (_what, settings, reason) => {
    expect(() => parse(settings)).toThrow(reason);
    expect(() => parse(settings)).not.toThrow(KEY);
  });

  it('the mix of one room may have an address of its own', () => {
    const one = { of: 'mix', to: to('a/b'), rooms: ['studio'] };
    expect(autoSettings(parse({ autoRelay: one }))).toHaveLength(1);
  });
});
