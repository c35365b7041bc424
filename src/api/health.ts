import type { FastifyInstance } from 'fastify';

/** What readiness is made of, by name; asked at each request. */
export type HealthChecks = Readonly<Record<string, () => boolean>>;

/** GET /healthz: the process answers. GET /readyz: 200 when every check holds, else 503; both name the checks. */
export function registerHealthRoutes(app: FastifyInstance, checks: HealthChecks): void {
  app.get('/healthz', () => ({ ok: true }));
  app.get('/readyz', (_request, reply) => {
    const parts = Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, check()]));
    const ready = Object.values(parts).every((part) => part);
    return reply.code(ready ? 200 : 503).send({ ready, ...parts });
  });
}
