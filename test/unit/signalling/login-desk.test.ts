import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type App, DEFAULT_APP_SETTINGS } from '../../../src/config/app.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { signUserSig } from '../../../src/identity/user-sig.ts';
import { Connection, type SignalSocket } from '../../../src/signalling/connection.ts';
import { DEFAULT_SIGNAL_LIMITS as limits } from '../../../src/signalling/limits.ts';
import { LoginDesk, type LoginDeskDeps } from '../../../src/signalling/login-desk.ts';
import type { Claim } from '../../../src/signalling/logins.ts';
import { SignalCounts } from '../../../src/signalling/signal-counts.ts';

const NOW_MS = 1_800_000_000_000;
const SECRET = new Secret('k'.repeat(64));
const APP: App = {
  ...{ sdkAppId: 7, name: 'one', secretKey: SECRET, apiKeys: [], accountType: 0 },
  ...DEFAULT_APP_SETTINGS,
};

/** A Redis that knows nobody, and for how long it has been there. */
function deskWithout(steadyForMs: number): LoginDesk {
  const deps = {
    apps: { apps: [APP], adminToken: new Secret('admin') },
    logins: {
      claim: async (_user: string, _session: string, how: string): Promise<Claim> =>
        how === 'resumed' ? { outcome: 'unknown' } : { outcome: 'ok', epoch: 1, ticket: '' },
      onKick: () => () => undefined,
    },
    registry: { sessionBack: async () => null },
    groups: { attend: () => () => undefined },
    steadyForMs: () => steadyForMs,
    ...{ log: pino({ level: 'silent' }), now: () => NOW_MS, silentMs: 45_000, resumableMs: 90_000 },
  };
  return new LoginDesk(deps as unknown as LoginDeskDeps);
}

function logIn(desk: LoginDesk, resume?: { sessionId: string }) {
  const connection = new Connection({} as SignalSocket, 0, { limits, counts: new SignalCounts() });
  const user = { userId: 'ann', expireSeconds: 60, nowMs: NOW_MS };
  const userSig = signUserSig({ secretKey: SECRET, sdkAppId: 7, ...user });
  const request = { id: 1, type: 'login', v: 1, appId: 7, userId: 'ann', userSig, resume } as const;
  return desk.login(connection, request);
}

test('who resumes at a Redis that was away just now is asked to come again: it may be told of the session yet', async () => {
  const resumed = logIn(deskWithout(1000), { sessionId: 'before' });
  await expect(resumed).rejects.toMatchObject({ code: 'redis-away', retry: 'later' });
});

test('who resumes a session that nobody knows any more begins a new one', async () => {
  const { answer } = await logIn(deskWithout(10_000), { sessionId: 'before' });
  expect(answer).toMatchObject({ resumed: false, room: null });
  expect(answer.sessionId).not.toBe('before');
});

test('who does not resume waits for nothing', async () => {
  const { answer } = await logIn(deskWithout(0));
  expect(answer).toMatchObject({ resumed: false, room: null });
});
