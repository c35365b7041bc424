import type { AutoRecord, AutoRelay, AutoSettings } from '../domain/auto-tasks.ts';
import type { CallbackGroup } from '../domain/callback/callback.ts';
import type { RetryChange } from '../domain/push/retry-change.ts';
import { PLAIN_ROLE, type RoleSettings } from '../domain/role-name.ts';
import type { Secret } from '../domain/secret.ts';

/** Where events of an app are told to. */
export interface AppCallbacks {
  /** May hold a secret in its query: shown to nobody. */
  readonly url: Secret;
  /** Signs what is sent. */
  readonly key: Secret;
  readonly groups: readonly CallbackGroup[];
}

/** What of an app an operator may change while it runs. */
export interface AppSettings extends RoleSettings {
  /** Who may play mixes: anyone, or holders of a ticket. Raw streams always need one. */
  readonly playback: 'public' | 'token';
  /** Everyone who enters a room needs a PrivateMapKey. */
  readonly privateMapKeyRequired: boolean;
}

export const DEFAULT_APP_SETTINGS: AppSettings = {
  playback: 'public',
  privateMapKeyRequired: false,
  roles: {},
  defaultRole: PLAIN_ROLE,
};

/** One tenant: its rooms, users and tasks are seen by nobody else. */
export interface App extends AppSettings {
  readonly sdkAppId: number;
  readonly name: string;
  /** Signs UserSigs. */
  readonly secretKey: Secret;
  readonly apiKeys: readonly { readonly secretId: string; readonly secretKey: Secret }[];
  /** Given at its creation; 0: none. Old clients send it. */
  readonly accountType: number;
  /** How its pushes are retried, where that is not the default. */
  readonly retry?: RetryChange;
  readonly callbacks?: AppCallbacks;
  readonly autoRelay?: AutoRelay;
  readonly autoRecord?: AutoRecord;
}

export interface Apps {
  readonly apps: readonly App[];
  readonly adminToken: Secret;
}

/** The app with that id, or undefined. */
export function findApp(apps: Apps, sdkAppId: number): App | undefined {
  return apps.apps.find((app) => app.sdkAppId === sdkAppId);
}

/** Which apps want callbacks, and which do not. */
export function callbackApps({ apps }: Apps): {
  readonly addresses: readonly (AppCallbacks & { readonly appId: number })[];
  readonly silentApps: readonly number[];
} {
  return {
    addresses: apps.flatMap(({ sdkAppId: appId, callbacks }) => (callbacks ? [{ appId, ...callbacks }] : [])),
    silentApps: apps.flatMap(({ sdkAppId, callbacks }) => (callbacks ? [] : [sdkAppId])),
  };
}

/** What of which apps goes on the air by itself. A mixed recording is of the mix that is relayed, if one is. */
export function autoSettings({ apps }: Apps): readonly AutoSettings[] {
  return apps
    .filter(({ autoRelay, autoRecord }) => autoRelay || autoRecord)
    .map(({ sdkAppId: appId, retry, autoRelay: relay, autoRecord: record }) => ({
      appId,
      ...(retry && { retry }),
      ...(relay && { relay }),
      ...(record && { record: relay?.of === 'mix' ? { ...record, programme: relay.programme } : record }),
    }));
}
