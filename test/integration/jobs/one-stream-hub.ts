import type { ServerResponse } from 'node:http';
import { type FastifyInstance, fastify } from 'fastify';
import type { Secret } from '../../../src/domain/secret.ts';
import { verifyTicket } from '../../../src/identity/tickets.ts';
import { MARK_LIVE, scriptTag } from '../../../src/media/flv/script.ts';
import { type FlvTag, isKeyFrame, isSequenceHeader } from '../../../src/media/flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../../../src/media/flv/writer.ts';

export interface OneStreamHubOptions {
  readonly tags: readonly FlvTag[];
  readonly streamId: string;
  readonly secret: Secret;
}

/** A hub of one stream, on the air since it was made: every reader gets the running GOP, then the rest in real time. */
export class OneStreamHub {
  readonly app: FastifyInstance = fastify({ routerOptions: { maxParamLength: 500 } });
  /** Of its readers, in the order they came. */
  readonly epochs: number[] = [];
  url = '';
  readonly #options: OneStreamHubOptions;
  readonly #openedAt = performance.now();

  constructor(options: OneStreamHubOptions) {
    this.#options = options;
    this.app.get('/internal/flv/:stream', (request, reply) => {
      const { ticket } = request.query as { ticket: string };
      const { secret, streamId: stream } = options;
      const claims = verifyTicket(secret, ticket, { use: 'read', stream, nowMs: Date.now() });
      this.epochs.push(claims.epoch ?? 0);
      reply.hijack();
      this.#feed(reply.raw);
    });
  }

  get nowMs(): number {
    return performance.now() - this.#openedAt;
  }

  async listen(): Promise<void> {
    this.url = await this.app.listen({ host: '127.0.0.1', port: 0 });
  }

  async close(): Promise<void> {
    this.app.server.closeAllConnections();
    await this.app.close();
  }

  #feed(response: ServerResponse): void {
    const { tags } = this.#options;
    const past = tags.filter((tag) => tag.timestamp <= this.nowMs && !isSequenceHeader(tag));
    const key = past.findLastIndex(isKeyFrame);
    const send = (some: readonly FlvTag[]) => response.write(Buffer.concat(some.map(encodeFlvTag)));
    response.writeHead(200, { 'content-type': 'video/x-flv' });
    response.write(flvHeader());
    send([...tags.filter(isSequenceHeader), ...(key < 0 ? [] : past.slice(key)), scriptTag(MARK_LIVE)]);
    let sentMs = past.at(-1)?.timestamp ?? -1;
    const timer = setInterval(() => {
      const due = tags.filter((tag) => tag.timestamp > sentMs && tag.timestamp <= this.nowMs);
      sentMs = due.at(-1)?.timestamp ?? sentMs;
      if (due.length > 0) send(due);
    }, 20);
    response.once('close', () => clearInterval(timer));
  }
}
