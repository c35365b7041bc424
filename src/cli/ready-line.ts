import type { Apps } from '../config/app.ts';
import { publishUrl } from '../domain/publish-request.ts';
import { signUserSig } from '../identity/user-sig.ts';

const FIRST_ROOM = 1001;
const FIRST_USER = 'obs';
const MONTH_SECONDS = 30 * 24 * 3600;

/** The one line on stdout that tells that everything is up. */
export function readyLine(facts: { readonly http: string; readonly rtmp: string }, json: boolean): string {
  if (json) return JSON.stringify({ ready: true, http: facts.http, rtmp: facts.rtmp });
  return `ready ${facts.http} ${facts.rtmp}`;
}

/** What somebody pastes into OBS to be on the air at once, said at the first start only. */
export function firstPublishLines(apps: Apps, rtmpUrl: string): string[] {
  const [app] = apps.apps;
  if (app === undefined) return [];
  const userSig = signUserSig({
    secretKey: app.secretKey,
    sdkAppId: app.sdkAppId,
    userId: FIRST_USER,
    expireSeconds: MONTH_SECONDS,
    nowMs: Date.now(),
  });
  const { obsServer, obsKey } = publishUrl({
    rtmpUrl,
    appId: app.sdkAppId,
    room: { kind: 'number', value: FIRST_ROOM },
    userId: FIRST_USER,
    userSig,
    kind: 'main',
  });
  return [
    `First start: made app ${app.sdkAppId}. To publish from OBS to room ${FIRST_ROOM} (Settings, Stream, Custom):`,
    `  Server:     ${obsServer}`,
    `  Stream Key: ${obsKey}`,
    'The key works for 30 days; roomcast publish-url --room ROOM --user USER makes others.',
  ];
}
