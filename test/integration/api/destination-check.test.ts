import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TargetStatus } from '../../../src/domain/job.ts';
import { createStatusWriter } from '../../../src/tasks/job-status.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { ask, KEY, redis, SHOWN, startRelay, useOperatorApi } from '../../support/operator-rig.ts';

useOperatorApi();

const LIVE: TargetStatus = {
  targetId: '',
  url: SHOWN,
  state: 'live',
  attempt: 1,
  nextRetryAt: null,
  lastError: null,
  bytes: 1,
  lagMs: 0,
  droppedFrames: 0,
  kbps: 0,
  takenBy: 'peer',
  connectedAt: 1,
  sessions: 1,
  onAirMs: 1,
  warnings: [],
};

describe('a check of a destination', () => {
  let nginx: NginxRtmp;
  beforeAll(async () => {
    nginx = await startNginxRtmp({ applications: ['live', { name: 'closed', refuse: true }] });
  });
  afterAll(() => nginx?.stop());

  it('goes up to the accepted stream, and leaves', async () => {
    const { status, json, text } = await ask('POST', '/relays/check', {
      url: `twitch:${nginx.rtmpUrl('live', KEY)}`,
    });
    expect(status, text).toBe(200);
    expect(json).toMatchObject({ url: nginx.rtmpUrl('live', '****'), ok: true, error: null });
    expect(json.steps.map(({ step, ok }: { step: string; ok: boolean }) => [step, ok])).toEqual(
      ['name', 'tcp', 'handshake', 'connect', 'publish'].map((step) => [step, true]),
    );
    expect(json.limits).toContain('video of at most 6000 kbps');
    expect(text).not.toContain(KEY);
  });

  it('says what is wrong and what to do', async () => {
    const { json, text } = await ask('POST', '/relays/check', { url: `rtmp://127.0.0.1:1/live/${KEY}` });
    expect(json).toMatchObject({ ok: false, error: { code: 'connection-refused' }, limits: [] });
    expect(json.steps.at(-1)).toMatchObject({ step: 'tcp', ok: false });
    expect(json.error.advice).toMatch(/port/);
    expect(text).not.toContain(KEY);
    const refused = await ask('POST', '/relays/check', { url: nginx.rtmpUrl('closed', KEY) });
    expect(refused.json).toMatchObject({ ok: false, error: { advice: expect.stringMatching(/key/) } });
  });

  it('does not touch what a task of ours has on the air', async () => {
    const url = nginx.rtmpUrl('live', KEY);
    const taskId = await startRelay({ targets: [url] });
    const [target] = (await ask('GET', `/relays/${taskId}`)).json.targets;
    const writer = createStatusWriter({ redis, job: { kind: 'push', id: taskId }, workerId: 'w', epoch: 1 });
    const check = () => ask('POST', '/relays/check', { url: `custom:${url}` });
    writer.report({
      kind: 'push',
      source: 'flowing',
      targets: [{ ...LIVE, targetId: target.id, state: 'live' }],
    });
    await writer.rewrite();
    const { status, json } = await check();
    expect(status).toBe(409);
    expect(json.error.message).toBe(`it is on the air in task ${taskId}: live`);
    writer.report({
      kind: 'push',
      source: 'flowing',
      targets: [{ ...LIVE, targetId: target.id, state: 'failed' }],
    });
    await writer.rewrite();
    expect((await check()).json.ok).toBe(true);
    await writer.close();
  });

  it.each([`tiktok:${KEY}`, 'http://127.0.0.1/live/x', ''])('refuses %j, which is none', async (url) => {
    const { status, text } = await ask('POST', '/relays/check', { url });
    expect(status).toBe(400);
    expect(text).not.toContain(KEY);
  });
});
