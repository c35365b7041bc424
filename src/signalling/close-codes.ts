/** What a client asks for as WebSocket subprotocol: the protocol and its version. */
export const SUBPROTOCOL = 'roomcast.v1';

/** Why a connection was closed, as WebSocket close code; the close reason says it in words. */
export const CLOSE = {
  goingAway: 1001,
  protocolError: 4000,
  notLoggedIn: 4001,
  tooBig: 4002,
  tooFast: 4003,
  silent: 4004,
  slowReader: 4005,
  anotherDevice: 4010,
  removed: 4011,
  resumed: 4012,
} as const;

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** After these a client may come back by itself and resume; after the others it would do the same again. */
const COME_BACK: readonly number[] = [CLOSE.goingAway, CLOSE.notLoggedIn, CLOSE.silent, CLOSE.slowReader];

/** Whether a client whose connection was closed with that code connects again by itself. */
export function mayComeBack(code: number): boolean {
  return (code < 4000 && code !== 1000) || COME_BACK.includes(code);
}
