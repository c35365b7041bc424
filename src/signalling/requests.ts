import type { Logger } from 'pino';
import { type GatewayError, toGatewayError } from '../domain/errors.ts';
import { CLOSE } from './close-codes.ts';
import type { Connection } from './connection.ts';
import type { Answers, Failure } from './protocol-messages.ts';
import type { Request, RequestOf, RequestType } from './protocol-requests.ts';
import { assertMakesSense, phaseOf } from './session-state.ts';

export interface Reply<T extends RequestType> {
  readonly answer: Answers[T];
  /** Done as soon as the answer was sent. */
  readonly onSent?: () => void;
}

/** What does each type of request. */
export type Handlers = {
  readonly [T in RequestType]: (
    connection: Connection,
    request: RequestOf<T>,
  ) => Promise<Reply<T>> | Reply<T>;
};

function failureOf(id: number | null, error: GatewayError): Failure {
  const isInternal = error.code === 'internal';
  const message = isInternal ? 'the gateway failed; its log tells more' : error.message;
  return { id, ok: false, error: { code: error.code, message, retry: error.retry } };
}

/** Answers each client's requests one after the other, in their order. */
export class Requests {
  readonly #handlers: Handlers;
  readonly #log: Logger;

  constructor(handlers: Handlers, log: Logger) {
    this.#handlers = handlers;
    this.#log = log;
  }

  take(connection: Connection, request: Request): void {
    if (!connection.isBusy) {
      void this.#run(connection, request);
      return;
    }
    connection.waiting ??= [];
    connection.waiting.push(request);
    if (connection.waiting.length > connection.limits.maxWaitingRequests) {
      connection.close(CLOSE.tooFast, 'too many requests wait for their answers');
    }
  }

  refuse(connection: Connection, id: number | null, error: GatewayError): void {
    connection.send(JSON.stringify(failureOf(id, error)));
  }

  async #run(connection: Connection, first: Request): Promise<void> {
    connection.isBusy = true;
    for (let next: Request | undefined = first; next !== undefined; next = connection.waiting?.shift()) {
      if (connection.isClosed) break;
      await this.#answer(connection, next);
    }
    connection.waiting = null;
    connection.isBusy = false;
  }

  async #answer<T extends RequestType>(connection: Connection, request: RequestOf<T>): Promise<void> {
    const { id, type } = request as Request;
    try {
      assertMakesSense(phaseOf(connection), type);
      const handle = this.#handlers[type] as unknown as Handlers[T];
      const { answer, onSent } = await handle(connection, request);
      if (id !== undefined) connection.send(JSON.stringify({ id, ok: true, ...answer }));
      onSent?.();
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.code === 'internal') this.#log.error({ err: thrown, request: type }, 'a request failed');
      if (id !== undefined) this.refuse(connection, id, error);
    }
  }
}
