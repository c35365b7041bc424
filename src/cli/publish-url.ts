import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/env.ts';
import { readRunFile } from '../config/run-file.ts';
import { GatewayError } from '../domain/errors.ts';
import { publishUrl } from '../domain/publish-request.ts';
import { signUserSig } from '../identity/user-sig.ts';
import { type Command, parseCommandArgs } from './command.ts';
import { chooseLocalApp, readLocalApps } from './local-apps.ts';
import { parseAppOption, parseRoomOptions, parseUserOption, requireOption } from './options.ts';
import { parseRights, roomTicket, ticketHelp, ticketOptions } from './room-ticket.ts';
import { parseExpire } from './usersig.ts';

/** Where publishers of this data dir's roomcast connect: as it runs, else as it is set up. */
async function rtmpUrlOf(config: Config): Promise<string> {
  const run = await readRunFile(config.dataDir);
  if (run !== null) return run.rtmp;
  if (config.publicRtmpUrl !== null) return config.publicRtmpUrl;
  if (config.rtmp.port === 0) {
    throw new GatewayError('not-found', 'the RTMP port is known once roomcast runs: start it first');
  }
  const host = config.bind === '0.0.0.0' ? '127.0.0.1' : config.bind;
  return `rtmp://${host}:${config.rtmp.port}`;
}

export const publishUrlCommand: Command = {
  name: 'publish-url',
  usage:
    'publish-url --room R --user U [--string-room] [--screen] [--role NAME] [--private-map-key [--rights N]] [--app A] [--expire SECONDS] [--json]',
  summary: 'Print the URL with which a user publishes into a room, and the server and key for OBS.',
  help: [
    '--string-room     R is a text, not a number: room 7 and room "7" are different rooms',
    '--screen          a screen share beside the camera',
    '--role NAME       a role name of the app; its default role is what an unknown one becomes',
    ...ticketHelp,
    'An app whose apps.json asks for PrivateMapKeys gets one without being asked.',
    '--expire SECONDS  how long the URL is good for, 180 days by default',
    'The URL and the key hold the UserSig: who has them publishes as this user.',
    'With --json: {"url":...,"obsServer":...,"obsKey":...}',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, {
      room: { type: 'string' },
      user: { type: 'string' },
      'string-room': { type: 'boolean', default: false },
      screen: { type: 'boolean', default: false },
      role: { type: 'string' },
      ...ticketOptions,
      app: { type: 'string' },
      expire: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const room = parseRoomOptions(values);
    const userId = parseUserOption('--user', requireOption('--user', values.user));
    const expireSeconds = parseExpire(values.expire);
    const rights = parseRights(values);
    const config = loadConfig(io.env);
    const app = chooseLocalApp(await readLocalApps(config.dataDir), parseAppOption(values.app));
    const { sdkAppId, secretKey } = app;
    const user = { userId, expireSeconds, nowMs: Date.now() };
    const userSig = signUserSig({ secretKey, sdkAppId, ...user });
    const needsTicket = values['private-map-key'] || app.privateMapKeyRequired;
    const kind = values.screen ? 'aux' : 'main';
    const rtmpUrl = await rtmpUrlOf(config);
    const urls = publishUrl({
      ...{ rtmpUrl, appId: sdkAppId, room, userId, userSig, kind },
      ...(needsTicket && { privateMapKey: roomTicket(app, user, { room, rights }) }),
      ...(values.role !== undefined && { roleName: values.role }),
    });
    if (values.json) io.stdout(JSON.stringify(urls));
    else {
      io.stdout(`URL         ${urls.url}`);
      io.stdout(`OBS server  ${urls.obsServer}`);
      io.stdout(`OBS key     ${urls.obsKey}`);
    }
    return 0;
  },
};
