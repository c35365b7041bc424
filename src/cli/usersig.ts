import { loadConfig } from '../config/env.ts';
import { signUserSig } from '../identity/user-sig.ts';
import { type Command, parseCommandArgs, UsageError } from './command.ts';
import { chooseLocalApp, readLocalApps } from './local-apps.ts';
import { parseAppOption, parseCount, parseUserOption, requireOption } from './options.ts';

/** What Tencent's own libraries use: 180 days. */
const DEFAULT_EXPIRE_SECONDS = 180 * 24 * 3600;
const MAX_EXPIRE_SECONDS = 10 * 365 * 24 * 3600;

/** The seconds of `--expire`; throws UsageError. */
export function parseExpire(text: string | undefined): number {
  if (text === undefined) return DEFAULT_EXPIRE_SECONDS;
  const seconds = parseCount('--expire', text);
  if (seconds < 1 || seconds > MAX_EXPIRE_SECONDS) {
    throw new UsageError(`--expire is 1 to ${MAX_EXPIRE_SECONDS} seconds`);
  }
  return seconds;
}

export const usersigCommand: Command = {
  name: 'usersig',
  usage: 'usersig --user U [--app A] [--expire SECONDS] [--json]',
  summary: 'Print a UserSig, with which a user enters rooms.',
  help: [
    '--app A           sdkAppId; may be left out when apps.json has one app',
    '--expire SECONDS  how long it is good for, 15552000 (180 days) by default',
    'With --json: {"sdkAppId":...,"userId":...,"userSig":...,"expireSeconds":...}',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, {
      user: { type: 'string' },
      app: { type: 'string' },
      expire: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const userId = parseUserOption('--user', requireOption('--user', values.user));
    const expireSeconds = parseExpire(values.expire);
    const apps = await readLocalApps(loadConfig(io.env).dataDir);
    const { sdkAppId, secretKey } = chooseLocalApp(apps, parseAppOption(values.app));
    const userSig = signUserSig({ secretKey, sdkAppId, userId, expireSeconds, nowMs: Date.now() });
    io.stdout(values.json ? JSON.stringify({ sdkAppId, userId, userSig, expireSeconds }) : userSig);
    return 0;
  },
};
