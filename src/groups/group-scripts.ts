/** PUBLISHed with each event: `<m|c> <groupKey> <event>`, `m` for messages, `c` for what changes the group. */
export const GROUP_EVENTS = 'roomcast:groups:events';

/*
 * Every rule of a group is decided and written in one script, so that several gateways agree. Kept are, by groupKey:
 *   roomcast:group:<key>            hash: name, createdAt, historySize, seq, second, sent (in that second)
 *   roomcast:group:<key>:members    hash: canonical user -> id as first written
 *   roomcast:group:<key>:order      sorted set: canonical user by the seq of its joining
 *   roomcast:group:<key>:messages   list: the last `historySize` messages
 *   roomcast:group:<key>:changes    list: the last joins and leaves
 *   roomcast:groups:of:<app>/<user> set of groupIds
 *   roomcast:groups:used            sorted set: groupKey by last use
 *   roomcast:groups:counts          hash: app -> number of groups
 * KEYS name the group and the user of a call; ARGV begin with groupKey, app, groupId, now, and canonical and shown
 * name of the user.
 */
const COMMON = `
local key, app, id, now, user, shown = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local group = 'roomcast:group:' .. key
local members, order = group .. ':members', group .. ':order'
local function userGroups(name) return 'roomcast:groups:of:' .. app .. '/' .. name end
local function tell(kind, body)
  local seq = redis.call('HINCRBY', group, 'seq', 1)
  local event = string.format('{"seq":%d,"at":%s,%s}', seq, now, body)
  redis.call('ZADD', 'roomcast:groups:used', now, key)
  redis.call('PUBLISH', '${GROUP_EVENTS}', kind .. ' ' .. key .. ' ' .. event)
  return seq, event
end
local function keep(list, event, most)
  if most == 0 then return end
  redis.call('RPUSH', group .. list, event)
  redis.call('LTRIM', group .. list, -most, -1)
end
local function told(what, name)
  local seq, event = tell('c', string.format('"type":"%s","userId":"%s"', what, name))
  keep(':changes', event, 100)
  return seq
end
local function finish()
  redis.call('DEL', group, members, order, group .. ':messages', group .. ':changes')
  redis.call('ZREM', 'roomcast:groups:used', key)
  if redis.call('HINCRBY', 'roomcast:groups:counts', app, -1) <= 0 then
    redis.call('HDEL', 'roomcast:groups:counts', app)
  end
end
local function enter()
  redis.call('HSET', members, user, shown)
  redis.call('SADD', userGroups(user), id)
  redis.call('ZADD', order, told('member-joined', shown), user)
end
local function info()
  local facts = redis.call('HMGET', group, 'name', 'createdAt', 'historySize', 'seq')
  facts[5] = redis.call('HLEN', members)
  return facts
end
local function isMember() return redis.call('HEXISTS', members, user) == 1 end
local function exists() return redis.call('EXISTS', group) == 1 end
`;

/** ARGV from 7: name, historySize, groups an app, groups a user. Answers info or why not. */
export const CREATE = `${COMMON}
if exists() then return 'exists' end
if tonumber(redis.call('HGET', 'roomcast:groups:counts', app) or 0) >= tonumber(ARGV[9]) then return 'app-full' end
if redis.call('SCARD', userGroups(user)) >= tonumber(ARGV[10]) then return 'user-full' end
redis.call('HINCRBY', 'roomcast:groups:counts', app, 1)
redis.call('HSET', group, 'name', ARGV[7], 'createdAt', now, 'historySize', ARGV[8], 'seq', 0)
enter()
return info()`;

/** ARGV from 7: members a group, groups a user. Answers info or why not; who is a member already stays one. */
export const JOIN = `${COMMON}
if not exists() then return 'no-group' end
if isMember() then return info() end
if redis.call('HLEN', members) >= tonumber(ARGV[7]) then return 'group-full' end
if redis.call('SCARD', userGroups(user)) >= tonumber(ARGV[8]) then return 'user-full' end
enter()
return info()`;

/** The last who leaves ends the group. Answers an empty list or why not. */
export const LEAVE = `${COMMON}
if not exists() then return 'no-group' end
if not isMember() then return 'not-member' end
local name = redis.call('HGET', members, user)
redis.call('HDEL', members, user)
redis.call('ZREM', order, user)
redis.call('SREM', userGroups(user), id)
told('member-left', name)
if redis.call('HLEN', members) == 0 then finish() end
return {}`;

/** ARGV from 7: text as JSON, messages a second. Answers seq, or why not. */
export const SEND = `${COMMON}
if not exists() then return 'no-group' end
if not isMember() then return 'not-member' end
local facts = redis.call('HMGET', group, 'second', 'sent', 'historySize')
local second = string.format('%d', math.floor(tonumber(now) / 1000))
local sent = facts[1] == second and tonumber(facts[2]) or 0
if sent >= tonumber(ARGV[8]) then return 'too-fast' end
redis.call('HSET', group, 'second', second, 'sent', sent + 1)
local name = redis.call('HGET', members, user)
local seq, event = tell('m', string.format('"type":"message","userId":"%s","text":', name) .. ARGV[7])
keep(':messages', event, tonumber(facts[3]))
return { seq }`;

/** Ids as first written, in the order of joining, or why not. */
export const MEMBERS = `${COMMON}
if not exists() then return 'no-group' end
if not isMember() then return 'not-member' end
return redis.call('HMGET', members, unpack(redis.call('ZRANGE', order, 0, -1)))`;

/** ARGV from 7: how many. The last messages, oldest first, or why not. */
export const HISTORY = `${COMMON}
if not exists() then return 'no-group' end
if not isMember() then return 'not-member' end
return redis.call('LRANGE', group .. ':messages', -tonumber(ARGV[7]), -1)`;

/** ARGV from 7: the use (unix ms) before which it ends. Answers 1 if it ended. */
export const END_IF_UNUSED = `${COMMON}
local used = redis.call('ZSCORE', 'roomcast:groups:used', key)
if not used or tonumber(used) >= tonumber(ARGV[7]) then return 0 end
for _, name in ipairs(redis.call('HKEYS', members)) do redis.call('SREM', userGroups(name), id) end
tell('c', '"type":"group-ended"')
finish()
return 1`;

/**
 * Answers into the stream of events itself, so that it has its place among them. ARGV: channel of the asker,
 * userKey. Tells `u <userKey> [[groupId, seq]...]`; answers how many heard it.
 */
export const ATTEND = `
local groups = {}
for i, id in ipairs(redis.call('SMEMBERS', 'roomcast:groups:of:' .. ARGV[2])) do
  local seq = redis.call('HGET', 'roomcast:group:' .. string.match(ARGV[2], '^%d+/') .. id, 'seq')
  groups[i] = string.format('["%s",%d]', id, seq or 0)
end
return redis.call('PUBLISH', ARGV[1], 'u ' .. ARGV[2] .. ' [' .. table.concat(groups, ',') .. ']')`;

/**
 * As ATTEND. ARGV: channel of the asker, groupKey, seq. Tells `g <groupKey> {seq, events}` with what is kept of the
 * events behind that seq, each list in order; seq 0 when there is no such group.
 */
export const CATCH_UP = `
local group = 'roomcast:group:' .. ARGV[2]
local seq = tonumber(redis.call('HGET', group, 'seq') or 0)
local after, missed = tonumber(ARGV[3]), {}
for _, list in ipairs({ ':messages', ':changes' }) do
  if seq <= after then break end
  for _, event in ipairs(redis.call('LRANGE', group .. list, 0, -1)) do
    if tonumber(string.match(event, '^{"seq":(%d+)')) > after then missed[#missed + 1] = event end
  end
end
local text = string.format('{"seq":%d,"events":[', seq) .. table.concat(missed, ',') .. ']}'
return redis.call('PUBLISH', ARGV[1], 'g ' .. ARGV[2] .. ' ' .. text)`;
