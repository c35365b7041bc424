import type { OperatorDeps } from '../deps.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';
import { workersAnswer } from '../schemas.ts';

export function workerRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/workers',
      summary: 'Workers that live: their cores, what of them is free, mixes and encoders',
      answer: workersAnswer,
      handle: async () => {
        const workers = await deps.workers.list();
        return workers.map(({ machine: _machine, promisedCores: _promised, ...shown }) => shown);
      },
    }),
  ];
}
