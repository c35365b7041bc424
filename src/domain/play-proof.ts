import { GatewayError } from './errors.ts';
import { parseUserId } from './ids.ts';

/** Why somebody may play a stream, as it stands in the query of a playback URL; nothing of it is checked yet. */
export type PlayProof =
  | { readonly type: 'none' }
  | { readonly type: 'ticket'; readonly ticket: string }
  | MemberProof;

/** Who is in the room of a stream plays it, as far as its PrivateMapKey allows. */
interface MemberProof {
  readonly type: 'member';
  readonly appId: number;
  readonly userId: string;
  readonly userSig: string;
  readonly privateMapKey?: string;
}

/** A value of the query, undefined when it is not there. */
export type QueryValue = (name: string) => string | undefined;

/** `?ticket=`, or `?sdkappid=&userid=&usersig=` and `&private_map_key=`; throws `bad-app-id`, `bad-user-id`. */
export function readPlayProof(value: QueryValue): PlayProof {
  const ticket = value('ticket') ?? '';
  if (ticket !== '') return { type: 'ticket', ticket };
  const [app, user, userSig] = [value('sdkappid'), value('userid'), value('usersig')];
  if (app === undefined && user === undefined && userSig === undefined) return { type: 'none' };
  const appId = /^[0-9]{1,10}$/.test(app ?? '') ? Number(app) : 0;
  if (appId < 1) throw new GatewayError('bad-app-id', 'sdkappid is missing or no number');
  const privateMapKey = value('private_map_key');
  return {
    ...{ type: 'member', appId, userId: parseUserId(user ?? ''), userSig: userSig ?? '' },
    ...(privateMapKey !== undefined && { privateMapKey }),
  };
}

/** The same as a query with its question mark, or ''. */
export function playQuery(proof: PlayProof): string {
  if (proof.type === 'none') return '';
  if (proof.type === 'ticket') return `?ticket=${encodeURIComponent(proof.ticket)}`;
  const { appId, userId, userSig, privateMapKey } = proof;
  const query = new URLSearchParams({ sdkappid: String(appId), userid: userId, usersig: userSig });
  if (privateMapKey !== undefined) query.set('private_map_key', privateMapKey);
  return `?${query}`;
}
