import { findApp } from '../../../config/app.ts';
import { GatewayError } from '../../../domain/errors.ts';
import { parseStreamId, streamId } from '../../../domain/ids.ts';
import { playbackUrls } from '../../../domain/playback-urls.ts';
import { signTicket } from '../../../identity/tickets.ts';
import type { OperatorDeps } from '../deps.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';
import { playUrlAnswer } from '../schemas.ts';

const TICKET_SECONDS = 24 * 3600;

export function streamRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/streams/:id/play-url',
      summary: 'Where to watch a stream, with a ticket for 24 hours; the stream need not be on the air',
      answer: playUrlAnswer,
      handle: async ({ id }) => {
        const name = parseStreamId(id);
        if (name === null) {
          throw new GatewayError('bad-request', 'a stream is named <sdkAppId>_<room>_<user>_main or _aux');
        }
        if (!findApp(deps.apps, name.appId)) {
          throw new GatewayError('not-found', `there is no app ${name.appId}`);
        }
        const stream = streamId(name);
        const expires = Math.floor(deps.now() / 1000) + TICKET_SECONDS;
        const ticket = signTicket(deps.clusterSecret, { use: 'play', stream, expires });
        // Redis is away: it may be here, and any gateway that is asked for it then redirects.
        const home = await deps.findHome({ ...name, streamId: stream }).catch(() => null);
        const { rtmp, flv, hls } = playbackUrls(home ?? deps.publicUrls(), stream, ticket);
        return { streamId: stream, rtmp, flv, hls, expiresAt: expires * 1000 };
      },
    }),
  ];
}
