import type { Redis } from 'ioredis';
import type { Announcements } from '../queue/announcements.ts';
import { reach } from '../queue/redis.ts';

const PREFIX = 'roomcast:login:';
const KICKS = 'roomcast:kicks';
/** A gateway says again well within this time that its logins stand; those of one that died go by themselves. */
const TTL_MS = 30 * 60_000;
const BATCH = 500;

/**
 * Makes a session its user's current one and tells all gateways to end the one before. A resumption wants the
 * same session to be current still. Epochs grow for each login of a user, also when Redis lost its data.
 */
const CLAIM = `
local old = redis.call('HMGET', KEYS[1], 'session', 'epoch')
if ARGV[2] == 'resumed' and old[1] ~= ARGV[3] then return {old[1] and 'other' or 'unknown'} end
local epoch = string.format('%.0f', math.max(tonumber(ARGV[4]), (tonumber(old[2]) or 0) + 1))
if ARGV[2] ~= 'resumed' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'session', ARGV[3], 'epoch', epoch)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if old[1] then redis.call('PUBLISH', ARGV[6], ARGV[1] .. ' ' .. epoch .. ' ' .. ARGV[2]) end
return {'ok', epoch, redis.call('HGET', KEYS[1], 'ticket') or ''}`;

/** Says again that a login stands; 0 when there is a later one. */
const KEEP = `
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch')) or 0
if epoch > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'session', ARGV[1], 'epoch', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`;

const SET_TICKET = `
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], 'ticket') else redis.call('HSET', KEYS[1], 'ticket', ARGV[2]) end
return 1`;

const EXPIRE = `
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end`;

export type KickReason = 'another-device' | 'resumed';

export interface Kick {
  /** `<app>/<canonical user>`. */
  readonly userKey: string;
  /** Connections of the user with a lower one have to end. */
  readonly epoch: number;
  readonly reason: KickReason;
}

export type Claim =
  | { readonly outcome: 'ok'; readonly epoch: number; readonly ticket: string }
  /** Of a resumption: the user has logged in elsewhere since, or nothing is known of any login. */
  | { readonly outcome: 'other' | 'unknown' };

export interface CurrentLogin {
  readonly userKey: string;
  readonly sessionId: string;
  readonly epoch: number;
}

/** Which session is each user's current one, over all gateways: facts in Redis. All throw `redis-away`. */
export interface Logins {
  /** `how`: a new login ends the user's session before; a resumption ends its connection before. */
  claim(userKey: string, sessionId: string, how: KickReason): Promise<Claim>;
  /** Keeps beside the login what a resumption at another gateway has to know; an empty text removes it. */
  setTicket(login: CurrentLogin, ticket: string): Promise<void>;
  /** The login may still be resumed for that long. */
  expire(login: CurrentLogin, afterMs: number): Promise<void>;
  /** Says again that these stand, and answers with those that do not. */
  keep(logins: readonly CurrentLogin[]): Promise<readonly CurrentLogin[]>;
  onKick(listener: (kick: Kick) => void): () => void;
}

function parseKick(message: string): Kick {
  const [userKey = '', epoch = '', reason = ''] = message.split(' ');
  return { userKey, epoch: Number(epoch), reason: reason as KickReason };
}

export function createLogins(deps: {
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly now: () => number;
}): Logins {
  const { redis, announcements, now } = deps;

  async function keepBatch(logins: readonly CurrentLogin[]): Promise<CurrentLogin[]> {
    const commands = redis.pipeline();
    for (const { userKey, sessionId, epoch } of logins) {
      commands.eval(KEEP, 1, PREFIX + userKey, sessionId, epoch, TTL_MS);
    }
    const answers = await reach(() => commands.exec());
    return logins.filter((_login, index) => answers?.[index]?.[1] === 0);
  }

  return {
    async claim(userKey, sessionId, how) {
      const args = [userKey, how, sessionId, now(), TTL_MS, KICKS];
      const answer = await reach(() => redis.eval(CLAIM, 1, PREFIX + userKey, ...args));
      const [outcome, epoch, ticket = ''] = answer as string[];
      if (outcome === 'ok') return { outcome, epoch: Number(epoch), ticket };
      return { outcome: outcome === 'other' ? 'other' : 'unknown' };
    },
    async setTicket({ userKey, epoch }, ticket) {
      await reach(() => redis.eval(SET_TICKET, 1, PREFIX + userKey, String(epoch), ticket));
    },
    async expire({ userKey, epoch }, afterMs) {
      await reach(() => redis.eval(EXPIRE, 1, PREFIX + userKey, String(epoch), afterMs));
    },
    async keep(logins) {
      const gone: CurrentLogin[] = [];
      for (let from = 0; from < logins.length; from += BATCH) {
        gone.push(...(await keepBatch(logins.slice(from, from + BATCH))));
      }
      return gone;
    },
    onKick: (listener) => announcements.on(KICKS, (message) => listener(parseKick(message))),
  };
}
