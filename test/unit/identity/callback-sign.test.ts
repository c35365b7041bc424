import { expect, it } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { signCallback } from '../../../src/identity/callback-sign.ts';

const KEY = new Secret('123654');
const BODY =
  '{\n\t"EventGroupId":\t2,\n\t"EventType":\t204,\n\t"CallbackTs":\t1664209748188,\n\t"EventInfo":\t{\n\t\t"RoomId":\t8489,\n\t\t"EventTs":\t1664209748,\n\t\t"EventMsTs":\t1664209748180,\n\t\t"UserId":\t"user_85034614",\n\t\t"Reason":\t0\n\t}\n}';

it("signs the vendor's documented callback as documented", () => {
  expect(signCallback(KEY, Buffer.from(BODY))).toBe('kkoFeO3Oh2ZHnjtg8tEAQhtXK16/KI05W3BQff8IvGA=');
});

it('signs the very bytes: another space is another signature', () => {
  const compact = Buffer.from(JSON.stringify(JSON.parse(BODY)));
  expect(signCallback(KEY, compact)).not.toBe(signCallback(KEY, Buffer.from(BODY)));
});
