import { z } from 'zod';

/** First words of the supervisor to its gateway. */
const HELLO = z.object({
  type: z.literal('hello'),
  /** `embedded`: nobody else uses that Redis, so apps.json on disk is the truth. */
  redis: z.enum(['embedded', 'external']),
  workerReady: z.boolean(),
});

const WORKER = z.object({ type: z.literal('worker'), ready: z.boolean() });

const TO_GATEWAY = z.discriminatedUnion('type', [HELLO, WORKER]);

export type ToGateway = z.infer<typeof TO_GATEWAY>;

/** What a gateway says when it serves: the ports it got and the URLs it gives to others. */
const GATEWAY_READY = z.object({
  type: z.literal('ready'),
  http: z.string(),
  rtmp: z.string(),
  /** How commands on this machine reach it. */
  localHttp: z.string(),
  httpPort: z.number().int(),
  rtmpPort: z.number().int(),
});

export type GatewayReady = z.infer<typeof GATEWAY_READY>;

export function parseToGateway(message: unknown): ToGateway | null {
  return TO_GATEWAY.safeParse(message).data ?? null;
}

export function parseGatewayReady(message: unknown): GatewayReady | null {
  return GATEWAY_READY.safeParse(message).data ?? null;
}
