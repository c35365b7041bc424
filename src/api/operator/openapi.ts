import { z } from 'zod';
import type { OperatorRoute } from './route.ts';
import { errorAnswer } from './schemas.ts';

const VERSION = '1';

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

function content(schema: z.ZodType, io: 'input' | 'output', type = 'application/json'): object {
  return { [type]: { schema: jsonSchema(schema, io) } };
}

function answerOf({ answer, isStream, status }: OperatorRoute): object {
  const described = isStream
    ? { description: 'the data of each event', content: content(answer, 'output', 'text/event-stream') }
    : { description: 'done', content: content(answer, 'output') };
  return { [status]: described };
}

function queryParameters(query: z.ZodType): object[] {
  const schema = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }));
}

function operation(route: OperatorRoute): object {
  const parameters = [
    ...[...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(route.query === null ? [] : queryParameters(route.query)),
  ];
  return {
    summary: route.summary,
    parameters,
    ...(route.body === null
      ? {}
      : { requestBody: { required: true, content: content(route.body, 'input') } }),
    responses: {
      ...answerOf(route),
      default: { description: 'refused or failed', content: content(errorAnswer, 'output') },
    },
  };
}

/** OpenAPI 3.1 of exactly these routes, made from the schemas that check their requests. */
export function describeRoutes(routes: readonly OperatorRoute[], basePath: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'roomcast operator API', version: VERSION },
    servers: [{ url: basePath }],
    security: [{ admin: [] }],
    components: {
      securitySchemes: {
        admin: { type: 'http', scheme: 'bearer', description: 'adminToken of apps.json' },
      },
    },
    paths,
  };
}
