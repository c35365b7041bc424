import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeRoutes } from '../../../../src/api/operator/openapi.ts';
import { defineRoute } from '../../../../src/api/operator/route.ts';

const route = defineRoute({
  method: 'POST',
  path: '/things/:id',
  summary: 'Make a thing',
  status: 201,
  query: z.strictObject({ loud: z.enum(['true']).optional() }),
  body: z.strictObject({ size: z.int().min(1).max(9).default(3) }),
  answer: z.strictObject({ made: z.boolean() }),
  handle: async ({ id, body }) => ({ made: id === 'x' && body.size === 3 }),
});

it('describes a route by the schemas that check it', () => {
  expect(describeRoutes([route], '/api/v1')).toMatchObject({
    openapi: '3.1.0',
    paths: {
      '/things/{id}': {
        post: {
          parameters: [
            { name: 'id', in: 'path', required: true },
            { name: 'loud', in: 'query', required: false, schema: { enum: ['true'] } },
          ],
          requestBody: {
            content: {
              'application/json': {
                schema: {
                  additionalProperties: false,
                  properties: { size: { type: 'integer', minimum: 1, maximum: 9, default: 3 } },
                },
              },
            },
          },
          responses: { 201: {}, default: {} },
        },
      },
    },
  });
});

it('gives a handler defaults, and refuses what the schemas do not know before the handler runs', async () => {
  await expect(route.run({ id: 'x', user: '', role: '', query: {}, body: {} })).resolves.toEqual({
    made: true,
  });
  expect(() => route.run({ id: 'x', user: '', role: '', query: {}, body: { size: 10, colour: 1 } })).toThrow(
    /size: .*; Unrecognized key: "colour"/,
  );
});
