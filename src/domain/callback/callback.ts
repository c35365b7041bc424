/** TRTC's groups of events: 1 rooms, 2 media, 3 recordings, 4 relays. */
export const CALLBACK_GROUPS = [1, 2, 3, 4] as const;
export type CallbackGroup = (typeof CALLBACK_GROUPS)[number];

type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Something an app's own server is told of. Holds no secret. */
export interface CallbackEvent {
  readonly appId: number;
  /** Events of one lane are delivered in order: a task, a room. */
  readonly lane: string;
  readonly group: CallbackGroup;
  /** As numbered by TRTC: 401. */
  readonly type: number;
  readonly info: { readonly [name: string]: JsonValue };
}

/** How an event of an app's outbox ended. */
export type CallbackOutcome = 'delivered' | 'given-up' | 'dropped';

/** Counts since Redis began, and what waits now. */
export interface CallbackFigures {
  readonly appId: number;
  readonly ended: Readonly<Record<CallbackOutcome, number>>;
  readonly waiting: number;
}

/** The envelope as it is sent; `nowMs` in unix ms. */
export function callbackBody({ group, type, info }: CallbackEvent, nowMs: number): Buffer {
  return Buffer.from(
    JSON.stringify({ EventGroupId: group, EventType: type, CallbackTs: nowMs, EventInfo: info }),
  );
}
