import { describe, expect, it } from 'vitest';
import { type App, DEFAULT_APP_SETTINGS } from '../../../src/config/app.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { signTicket } from '../../../src/identity/tickets.ts';
import { assertMayPlay, requireStreamName } from '../../../src/ingest/access.ts';

const NOW = 1_700_000_000_000;
const clusterSecret = new Secret('a cluster secret of tests');

function app(sdkAppId: number, playback: App['playback']): App {
  const secretKey = new Secret('k'.repeat(64));
  return {
    ...DEFAULT_APP_SETTINGS,
    sdkAppId,
    name: 'test',
    secretKey,
    apiKeys: [],
    accountType: 0,
    playback,
  };
}

const deps = {
  apps: { apps: [app(1, 'public'), app(2, 'token')], adminToken: new Secret('admin') },
  clusterSecret,
};

function play(text: string, isMix: boolean, ticket = ''): void {
  assertMayPlay(deps, { ...requireStreamName(text), isMix }, ticket, NOW);
}

function ticketFor(stream: string): string {
  return signTicket(clusterSecret, { use: 'play', stream, expires: NOW / 1000 + 60 });
}

describe('a viewer', () => {
  it('needs no ticket for a mix of an app with public playback, and for nothing else', () => {
    expect(() => play('1_7_mix_main', true)).not.toThrow();
    for (const [stream, isMix] of [
      ['1_7_ann_main', false],
      ['2_7_mix_main', true],
      ['2_7_ann_main', false],
      ['3_7_mix_main', true],
    ] as const) {
      expect(() => play(stream, isMix), stream).toThrow(expect.objectContaining({ code: 'ticket-invalid' }));
      expect(() => play(stream, isMix, ticketFor('1_7_mix_main')), stream).toThrow('for another stream');
      expect(() => play(stream, isMix, ticketFor(stream)), stream).not.toThrow();
    }
  });
});
