import { loadConfig } from '../config/env.ts';
import { signUserSig } from '../identity/user-sig.ts';
import { type Command, parseCommandArgs, UsageError } from './command.ts';
import { chooseLocalApp, readLocalApps } from './local-apps.ts';
import { parseAppOption, parseCount, parseRoomOptions, parseUserOption, requireOption } from './options.ts';
import { parseRights, roomTicket, ticketHelp, ticketOptions } from './room-ticket.ts';

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
  usage:
    'usersig --user U [--app A] [--expire SECONDS] [--private-map-key --room R [--string-room] [--rights N]] [--json]',
  summary: 'Print a UserSig, with which a user enters rooms.',
  help: [
    '--app A           sdkAppId; may be left out when apps.json has one app',
    '--expire SECONDS  how long it is good for, 15552000 (180 days) by default',
    ...ticketHelp,
    'With --private-map-key it is the second line, and "privateMapKey" of the JSON.',
    'With --json: {"sdkAppId":...,"userId":...,"userSig":...,"expireSeconds":...}',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, {
      user: { type: 'string' },
      app: { type: 'string' },
      expire: { type: 'string' },
      room: { type: 'string' },
      'string-room': { type: 'boolean', default: false },
      ...ticketOptions,
      json: { type: 'boolean', default: false },
    });
    const userId = parseUserOption('--user', requireOption('--user', values.user));
    const expireSeconds = parseExpire(values.expire);
    const rights = parseRights(values);
    const room = values['private-map-key'] ? parseRoomOptions(values) : null;
    if (room === null && (values.room !== undefined || values['string-room'])) {
      throw new UsageError('--room is there with --private-map-key only');
    }
    const apps = await readLocalApps(loadConfig(io.env).dataDir);
    const app = chooseLocalApp(apps, parseAppOption(values.app));
    const { sdkAppId, secretKey } = app;
    const user = { userId, expireSeconds, nowMs: Date.now() };
    const userSig = signUserSig({ secretKey, sdkAppId, ...user });
    const privateMapKey = room === null ? null : roomTicket(app, user, { room, rights });
    const answer = {
      sdkAppId,
      userId,
      userSig,
      expireSeconds,
      ...(privateMapKey !== null && { privateMapKey }),
    };
    io.stdout(values.json ? JSON.stringify(answer) : userSig);
    if (!values.json && privateMapKey !== null) io.stdout(privateMapKey);
    return 0;
  },
};
