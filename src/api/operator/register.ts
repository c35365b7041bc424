import type { FastifyInstance, FastifyRequest } from 'fastify';
import { throwNotFound } from '../error-envelope.ts';
import { assertAdmin } from './admin-token.ts';
import type { OperatorDeps } from './deps.ts';
import { describeRoutes } from './openapi.ts';
import type { OperatorRoute } from './route.ts';
import { appRoutes } from './routes/apps.ts';
import { blockRoutes } from './routes/blocks.ts';
import { eventRoutes } from './routes/events.ts';
import { recordingRoutes } from './routes/recordings.ts';
import { relayRoutes } from './routes/relays.ts';
import { roomRoutes } from './routes/rooms.ts';
import { streamRoutes } from './routes/streams.ts';
import { workerRoutes } from './routes/workers.ts';

const BASE_PATH = '/api/v1';
/** A programme with all pictures, texts and URLs it may have. */
const MAX_BODY_BYTES = 256 * 1024;

function addRoute(scope: FastifyInstance, route: OperatorRoute): void {
  scope.route({
    method: route.method,
    url: route.path,
    bodyLimit: MAX_BODY_BYTES,
    handler: async (request: FastifyRequest, reply) => {
      const {
        id = '',
        user = '',
        role = '',
      } = request.params as { id?: string; user?: string; role?: string };
      const answer = await route.run({ id, user, role, query: request.query, body: request.body });
      if (route.isStream) {
        // nginx would hold events back until its buffer is full.
        reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' }).type('text/event-stream');
      }
      return reply.code(route.status).send(answer);
    },
  });
}

function addGuardedRoutes(
  scope: FastifyInstance,
  deps: OperatorDeps,
  routes: readonly OperatorRoute[],
): void {
  scope.addHook('onRequest', (request, _reply, done) => {
    assertAdmin(deps.apps.adminToken, request.headers.authorization);
    done();
  });
  // Of its own, so that only who has the token learns which routes there are.
  scope.setNotFoundHandler(throwNotFound);
  for (const route of routes) addRoute(scope, route);
}

/** Adds /api/v1 to a server: every route needs the admin token, only its description is open. */
export function registerOperatorRoutes(app: FastifyInstance, deps: OperatorDeps): void {
  const routes = [
    ...roomRoutes(deps),
    ...blockRoutes(deps),
    ...relayRoutes(deps),
    ...recordingRoutes(deps),
    ...streamRoutes(deps),
    ...eventRoutes(deps),
    ...workerRoutes(deps),
    ...appRoutes(deps),
  ];
  const description = describeRoutes(routes, BASE_PATH);
  app.register(
    (scope, _options, ready) => {
      scope.get('/openapi.json', (_request, reply) => reply.send(description));
      scope.register((guarded, _none, guardedReady) => {
        addGuardedRoutes(guarded, deps, routes);
        guardedReady();
      });
      ready();
    },
    { prefix: BASE_PATH },
  );
}
