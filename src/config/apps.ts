import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import { changeRetry, type RetryChange } from '../domain/push/retry-change.ts';
import { DEFAULT_RETRY } from '../domain/push/retry-policy.ts';
import { Secret } from '../domain/secret.ts';
import { type App, type Apps, DEFAULT_APP_SETTINGS } from './app.ts';
import { problemOfSettings, settingsShape } from './app-settings.ts';
import { createOnce } from './atomic-file.ts';
import { autoRecordSchema, autoRelaySchema } from './auto-schema.ts';
import { callbacksSchema } from './callbacks-schema.ts';
import { retrySchema } from './retry-schema.ts';

const FIRST_APP_ID = 1_400_000_001;
const MAX_UINT32 = 4_294_967_295;
const NAME = /^[A-Za-z0-9._ -]{1,64}$/;

const secret = z.string().min(16, 'has at least 16 characters').max(256);

/** Rules that cannot be kept are refused when the apps are read, not when a target is made. */
function checkRetry(change: RetryChange, context: z.RefinementCtx): void {
  try {
    changeRetry(DEFAULT_RETRY, change);
  } catch (error) {
    context.addIssue({ code: 'custom', message: toGatewayError(error).message });
  }
}

function checkSettings(app: App, context: z.RefinementCtx): void {
  const message = problemOfSettings(app);
  if (message !== null) context.addIssue({ code: 'custom', message });
}

const APP_FIELDS = z.strictObject({
  sdkAppId: z.number().int().min(1).max(MAX_UINT32),
  name: z.string().regex(NAME, 'has 1 to 64 letters, digits, spaces, dots, underscores or hyphens'),
  secretKey: secret,
  apiKeys: z.array(z.strictObject({ secretId: z.string().min(1).max(128), secretKey: secret })),
  accountType: z.int().min(0).max(MAX_UINT32).default(0),
  retry: retrySchema.superRefine(checkRetry).exactOptional(),
  callbacks: callbacksSchema.exactOptional(),
  autoRelay: autoRelaySchema.exactOptional(),
  autoRecord: autoRecordSchema.exactOptional(),
  ...settingsShape,
});

const APP = APP_FIELDS.transform(
  ({ secretKey, apiKeys, ...fields }): App => ({
    ...DEFAULT_APP_SETTINGS,
    ...fields,
    secretKey: new Secret(secretKey),
    apiKeys: apiKeys.map((key) => ({ secretId: key.secretId, secretKey: new Secret(key.secretKey) })),
  }),
).superRefine(checkSettings);

const APPS = z
  .strictObject({ apps: z.array(APP).min(1, 'has at least one app'), adminToken: secret })
  .superRefine((value, context) => {
    const ids = value.apps.map((app) => app.sdkAppId);
    for (const [index, id] of ids.entries()) {
      if (ids.indexOf(id) === index) continue;
      context.addIssue({
        code: 'custom',
        path: ['apps', index, 'sdkAppId'],
        message: `${id} is there twice`,
      });
    }
  });

export function appsPath(dataDir: string): string {
  return join(dataDir, 'apps.json');
}

/** The apps of an apps.json text; throws `bad-config` naming every problem, and no value of it. */
export function parseApps(text: string, where: string): Apps {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds secrets.
    throw new GatewayError('bad-config', `${where} is not JSON`);
  }
  const parsed = APPS.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  - ${issue.path.join('.')}: ${issue.message}`);
    throw new GatewayError('bad-config', [`${where} is not usable:`, ...problems].join('\n'));
  }
  return { apps: parsed.data.apps, adminToken: new Secret(parsed.data.adminToken) };
}

/** Text of a first apps.json: one app with random keys, and a random admin token. */
export function makeAppsText(): string {
  const app = {
    sdkAppId: FIRST_APP_ID,
    name: 'default',
    secretKey: randomBytes(32).toString('hex'),
    apiKeys: [
      { secretId: `AKID${randomBytes(16).toString('hex')}`, secretKey: randomBytes(32).toString('hex') },
    ],
  };
  return `${JSON.stringify({ apps: [app], adminToken: randomBytes(32).toString('hex') }, null, 2)}\n`;
}

/** Text of <data dir>/apps.json, or null when there is none. */
export async function readAppsText(dataDir: string): Promise<string | null> {
  try {
    return await readFile(appsPath(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export interface LoadedApps {
  readonly apps: Apps;
  /** This process made them just now. */
  readonly created: boolean;
}

/** The apps of <data dir>/apps.json, made with one random app at first start. */
export async function loadOrCreateApps(dataDir: string): Promise<LoadedApps> {
  const created =
    (await readAppsText(dataDir)) === null && (await createOnce(appsPath(dataDir), makeAppsText()));
  const text = await readAppsText(dataDir);
  if (text === null) throw new GatewayError('bad-config', `${appsPath(dataDir)} went away while it was read`);
  return { apps: parseApps(text, appsPath(dataDir)), created };
}
