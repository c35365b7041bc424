import { describe, expect, it } from 'vitest';
import { APP_ID, ask, useOperatorApi } from '../../support/operator-rig.ts';

useOperatorApi();

const URL = `/apps/${APP_ID}`;
const CAMERA = { width: 1280, height: 720, fps: 30, bitrateKbps: 2000, gopSeconds: 2, audioBitrateKbps: 128 };
const SMALL = { ...CAMERA, width: 640, height: 360, bitrateKbps: 600 };
const PLAIN = { playback: 'public', privateMapKeyRequired: false, roles: {}, defaultRole: 'default' };

describe('an app over the operator API', () => {
  it('is shown with its settings and none of its secrets', async () => {
    const { status, json, text } = await ask('GET', URL);
    expect([status, json]).toEqual([200, { sdkAppId: APP_ID, name: 'one', accountType: 0, settings: PLAIN }]);
    expect(text).not.toContain('kkk');
    expect((await ask('GET', '/apps/7')).status).toBe(404);
    expect((await ask('GET', '/apps/x')).status).toBe(400);
    expect((await ask('GET', URL, undefined, 'nobody')).status).toBe(401);
    expect((await ask('PATCH', URL, { playback: 'token' }, 'nobody')).status).toBe(401);
  });

  it('changes what a patch names, and null is what apps.json says', async () => {
    const patched = await ask('PATCH', URL, { playback: 'token', privateMapKeyRequired: true });
    expect(patched.json.settings).toEqual({ ...PLAIN, playback: 'token', privateMapKeyRequired: true });
    await ask('PATCH', URL, { playback: null });
    expect((await ask('GET', URL)).json.settings).toEqual({ ...PLAIN, privateMapKeyRequired: true });
    await ask('PATCH', URL, { privateMapKeyRequired: null });
    expect((await ask('GET', URL)).json.settings).toEqual(PLAIN);
  });

  it('has roles that are defined and removed by name', async () => {
    const host = { default: CAMERA, ios: SMALL };
    expect((await ask('PUT', `${URL}/roles/host`, host)).json.settings.roles).toEqual({ host });
    const { gopSeconds: _gop, audioBitrateKbps: _audio, ...short } = SMALL;
    await ask('PUT', `${URL}/roles/guest`, { default: short });
    expect((await ask('PATCH', URL, { defaultRole: 'guest' })).status).toBe(200);
    expect((await ask('GET', URL)).json.settings).toEqual({
      ...PLAIN,
      roles: { host, guest: { default: SMALL } },
      defaultRole: 'guest',
    });
    expect((await ask('DELETE', `${URL}/roles/guest`)).status).toBe(400);
    expect((await ask('DELETE', `${URL}/roles/host`)).json.settings.roles).toEqual({
      guest: { default: SMALL },
    });
    expect((await ask('DELETE', `${URL}/roles/host`)).status).toBe(404);
    await ask('PATCH', URL, { defaultRole: null, roles: null });
    expect((await ask('GET', URL)).json.settings).toEqual(PLAIN);
  });

  it.each<[string, 'PATCH' | 'PUT' | 'DELETE', string, object, number]>([
    ['an unknown setting', 'PATCH', '', { secretKey: 'k'.repeat(64) }, 400],
    ['an account type, which is given at creation', 'PATCH', '', { accountType: 7 }, 400],
    ['another playback', 'PATCH', '', { playback: 'private' }, 400],
    ['a text as a flag', 'PATCH', '', { privateMapKeyRequired: 'yes' }, 400],
    ['a default role that is not there', 'PATCH', '', { defaultRole: 'host' }, 400],
    ['a role without its default', 'PUT', '/roles/host', { ios: CAMERA }, 400],
    ['a platform nobody knows', 'PUT', '/roles/host', { default: CAMERA, tv: CAMERA }, 400],
    ['a picture of no size', 'PUT', '/roles/host', { default: { ...CAMERA, width: 0 } }, 400],
    ['no bitrate', 'PUT', '/roles/host', { default: { width: 640, height: 360, fps: 30 } }, 400],
    ['a name that no role has', 'PUT', '/roles/__proto__', { default: CAMERA }, 400],
    ['a role that is not there', 'DELETE', '/roles/constructor', {}, 404],
    [
      '65 roles',
      'PATCH',
      '',
      { roles: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`r${i}`, { default: CAMERA }])) },
      400,
    ],
  ])('refuses %s, and nothing changes', async (_what, method, path, body, status) => {
    const answer = await ask(method, URL + path, method === 'DELETE' ? undefined : body);
    expect([answer.status, Object.keys(answer.json)], answer.text).toEqual([status, ['error']]);
    expect((await ask('GET', URL)).json.settings).toEqual(PLAIN);
  });

  it('takes 64 roles and no more', async () => {
    const roles = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`r${i}`, { default: CAMERA }]));
    expect((await ask('PATCH', URL, { roles })).status).toBe(200);
    expect((await ask('PUT', `${URL}/roles/more`, { default: CAMERA })).status).toBe(400);
    await ask('PATCH', URL, { roles: null });
  });
});
