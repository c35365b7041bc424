import { expect, it } from 'vitest';
import { callbackBody } from '../../../../src/domain/callback/callback.ts';

it('an event is sent in the envelope that TRTC has for it', () => {
  const event = {
    appId: 1,
    lane: 'task',
    group: 4,
    type: 401,
    info: { RoomId: 7, Payload: { Status: 2 } },
  } as const;
  expect(JSON.parse(callbackBody(event, 1_700_000_000_123).toString())).toEqual({
    EventGroupId: 4,
    EventType: 401,
    CallbackTs: 1_700_000_000_123,
    EventInfo: { RoomId: 7, Payload: { Status: 2 } },
  });
});
