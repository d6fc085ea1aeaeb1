#include "lease_script.h"

/* clang-format off */

#define HEAD \
    "local P, T = ARGV[1], redis.call('TIME') " \
    "local now = T[1] * 1000 + math.floor(T[2] / 1000) "

/* What the leases of a user add up to, as settle() left it. */
#define STATE \
    "local function state_of(on, act) " \
    "  return tonumber(act or 0) > now and 'a' or tonumber(on or 0) > now and 'i' or '0' " \
    "end "

#define DUE \
    "local function due_in() " \
    "  local first = redis.call('ZRANGE', P .. 'changed', 0, 0, 'WITHSCORES')[2] " \
    "  return first and math.max(0, first - now) or -1 " \
    "end "

/* Are leases to be believed? */
#define BELIEF \
    "local kept = redis.call('HMGET', P .. 'presence', 'since', 'beat') " \
    "local belief = kept[1] and kept[2] and now - kept[1] >= 60000 and now - kept[2] <= 5000 " \
    "               and 'k' or 'u' "

/* After every change: until when is the user online and active, and is that to be announced? It is
 * announced `delay` ms later, a change between idle and active 2 s later (people come and go), and
 * nothing sooner than 5 s after the announcement before. A user keeps 32 leases: the one that ends
 * first gives way. */
#define SETTLE \
    "local function settle(user, delay, quiet) " \
    "  local key, on, act, told, at, count = P .. 'l:' .. user, 0, 0, nil, 0, 0 " \
    "  local first, soonest " \
    "  local all = redis.call('HGETALL', key) " \
    "  for i = 1, #all, 2 do " \
    "    local field, value = all[i], all[i + 1] " \
    "    if string.find(field, ':', 1, true) then " \
    "      local expiry, active = string.match(value, '^(%d+) (%d)') " \
    "      expiry = tonumber(expiry) " \
    "      count = count + 1 " \
    "      if not soonest or expiry < soonest then first, soonest = field, expiry end " \
    "      if expiry > on then on = expiry end " \
    "      if active == '1' and expiry > act then act = expiry end " \
    "    elseif field == 'told' then told = value " \
    "    elseif field == 'at' then at = tonumber(value) end " \
    "  end " \
    "  if count > 32 then " \
    "    redis.call('HDEL', key, first) " \
    "    redis.call('ZREM', P .. 'leases', user .. ':' .. first) " \
    "  end " \
    "  if at > now then at = 0 end " /* the clock was set back */ \
    "  local state = state_of(on, act) " \
    "  if quiet and not told then " \
    "    told = state " \
    "    redis.call('HSET', key, 'told', told) " \
    "  end " \
    "  told = told or '0' " \
    "  if state == told then " \
    "    redis.call('ZREM', P .. 'changed', user) " \
    "    if count == 0 and state == '0' then redis.call('DEL', key) return end " \
    "  else " \
    "    if state ~= '0' then delay = told == '0' and 0 or 2000 end " \
    "    local due = math.max(now + delay, at + 5000) " \
    "    local known = tonumber(redis.call('ZSCORE', P .. 'changed', user) or math.huge) " \
    "    if due < known then redis.call('ZADD', P .. 'changed', due, user) end " \
    "  end " \
    "  redis.call('HSET', key, 'on', on, 'act', act) " \
    "end "

const char lease_script_look[] =
    HEAD STATE BELIEF
    "local out = {belief} "
    "for id in string.gmatch(ARGV[2], '%d+') do "
    "  local until_ms = redis.call('HMGET', P .. 'l:' .. id, 'on', 'act') "
    "  out[#out + 1] = state_of(until_ms[1], until_ms[2]) "
    "end "
    "return table.concat(out)";

const char lease_script_devices[] =
    HEAD BELIEF
    "local out = {belief} "
    "local all = redis.call('HGETALL', P .. 'l:' .. ARGV[2]) "
    "for i = 1, #all, 2 do "
    "  if string.find(all[i], ':', 1, true) then "
    "    local expiry, rest = string.match(all[i + 1], '^(%d+) (%d %d+)') "
    "    if tonumber(expiry) > now then out[#out + 1] = expiry - now .. ' ' .. rest end "
    "  end "
    "end "
    "return table.concat(out, '\\n')";

const char lease_script_change[] =
    HEAD STATE DUE SETTLE
    "local function put(user, field, expiry, rest) "
    "  redis.call('HSET', P .. 'l:' .. user, field, expiry .. ' ' .. rest, 'seen', now) "
    "  redis.call('ZADD', P .. 'leases', expiry, user .. ':' .. field) "
    "end "
    "local function drop(user, field) "
    "  redis.call('HDEL', P .. 'l:' .. user, field) "
    "  redis.call('HSET', P .. 'l:' .. user, 'seen', now) "
    "  redis.call('ZREM', P .. 'leases', user .. ':' .. field) "
    "end "
    "local since = redis.call('HGET', P .. 'presence', 'since') "
    "local young = not since or now - since < 60000 "
    "local change = {} "
    "function change.p(user, rest) "
    "  local ttl, value, quiet, field = "
    "    string.match(rest, '^(%d+) (%d %d+ %d+) (%d) (.*)$') "
    "  put(user, field, now + ttl, value) "
    "  redis.call('PEXPIRE', P .. 'l:' .. user, 86400000) "
    "  settle(user, 0, quiet == '1' and young) "
    "end "
    "function change.c(user, rest) "
    "  local ttl, poll, field = string.match(rest, '^(%d+) (%d+) (.*)$') "
    "  local lease = redis.call('HGET', P .. 'l:' .. user, field) or '' "
    "  local expiry, value, of = string.match(lease, '^(%d+) (%d %d+ (%d+))$') "
    "  if of == poll and tonumber(expiry) > now + ttl then "
    "    put(user, field, now + ttl, value) "
    "    settle(user, 0) "
    "  end "
    "end "
    "function change.d(user, rest) "
    "  local poll, field = string.match(rest, '^(%d+) (.*)$') "
    "  local lease = redis.call('HGET', P .. 'l:' .. user, field) "
    "  if lease and (poll == '0' or string.match(lease, '%d+$') == poll) then "
    "    drop(user, field) "
    /* A page that is only loaded anew says bye and is back before this is told. */
    "    settle(user, poll == '0' and 900 or 0) "
    "  end "
    "end "
    "function change.e(user, session) "
    "  local dropped = false "
    "  for _, field in ipairs(redis.call('HKEYS', P .. 'l:' .. user)) do "
    "    if string.sub(field, 1, #session + 1) == session .. ':' then "
    "      drop(user, field) "
    "      dropped = true "
    "    end "
    "  end "
    "  if dropped then settle(user, 0) end "
    "end "
    "for line in string.gmatch(ARGV[2], '[^%z]+') do "
    "  local kind, user, rest = string.match(line, '^(%l) (%d+) (.*)$') "
    "  change[kind](user, rest) "
    "end "
    "return due_in()";

const char lease_script_turn[] =
    HEAD STATE DUE SETTLE
    "local kept = redis.call('HMGET', P .. 'presence', 'since', 'beat') "
    "local since = kept[1] "
    /* Nobody wrote leases for a while (paused, restored, emptied), or the clock leapt: what has
     * expired meanwhile says nothing about anybody. */
    "if not since or not kept[2] or math.abs(now - kept[2]) > 5000 then since = now end "
    "redis.call('HSET', P .. 'presence', 'since', since, 'beat', now) "
    "local lapsed = {} "
    "for _, lease in ipairs(redis.call('ZRANGEBYSCORE', P .. 'leases', '-inf', now, "
    "                                  'LIMIT', 0, 200)) do "
    "  local user, field = string.match(lease, '^(%d+):(.*)$') "
    "  redis.call('HDEL', P .. 'l:' .. user, field) "
    "  redis.call('ZREM', P .. 'leases', lease) "
    "  lapsed[user] = true "
    "end "
    /* The clock was set back: nothing that is kept here lies further ahead. */
    "local far, limit = {}, now + 70000 "
    "if now - since < 60000 then "
    "  far = redis.call('ZRANGEBYSCORE', P .. 'leases', '(' .. limit, '+inf', 'LIMIT', 0, 200) "
    "  for _, user in ipairs(redis.call('ZRANGEBYSCORE', P .. 'changed', '(' .. limit, '+inf', "
    "                                   'LIMIT', 0, 200)) do "
    "    redis.call('ZADD', P .. 'changed', now, user) "
    "  end "
    "end "
    "for _, lease in ipairs(far) do "
    "  local user, field = string.match(lease, '^(%d+):(.*)$') "
    "  local value = redis.call('HGET', P .. 'l:' .. user, field) or '' "
    "  local rest = string.match(value, '^%d+( .*)$') "
    "  if rest then redis.call('HSET', P .. 'l:' .. user, field, limit .. rest) end "
    "  redis.call('ZADD', P .. 'leases', limit, lease) "
    "  lapsed[user] = true "
    "end "
    "for user in pairs(lapsed) do settle(user, 0) end "
    "local out = {} "
    "for _, user in ipairs(redis.call('ZRANGEBYSCORE', P .. 'changed', '-inf', now, "
    "                                 'LIMIT', 0, ARGV[2])) do "
    "  local v = redis.call('HMGET', P .. 'l:' .. user, 'on', 'act', 'seen') "
    "  local state = state_of(v[1], v[2]) "
    "  if state == '0' and now - since < 60000 then "
    "    redis.call('ZADD', P .. 'changed', since + 60000, user) "
    "  else "
    "    redis.call('ZADD', P .. 'changed', now + 10000, user) "
    "    out[#out + 1] = '\\n' .. user .. ' ' .. state .. ' ' .. now + 10000 .. ' ' .. (v[3] or now) "
    "  end "
    "end "
    "local lapse = #far == 200 and now or "
    "              redis.call('ZRANGE', P .. 'leases', 0, 0, 'WITHSCORES')[2] "
    "local due = due_in() "
    "local rest = math.min(lapse and math.max(0, lapse - now) or 1000, "
    "                      due >= 0 and due or 1000, 1000) "
    "return since .. ' ' .. rest .. table.concat(out)";

const char lease_script_announce[] =
    HEAD STATE DUE
    "local user, state = ARGV[2], ARGV[3] "
    "local key = P .. 'l:' .. user "
    "local claim = redis.call('ZSCORE', P .. 'changed', user) "
    "if claim and tonumber(claim) == tonumber(ARGV[4]) then "
    "  local v = redis.call('HMGET', key, 'on', 'act', 'told', 'seen') "
    "  if state_of(v[1], v[2]) ~= state then "
    "    redis.call('ZADD', P .. 'changed', now, user) "
    "  else "
    "    local told = v[3] or '0' "
    "    local text = 'p ' .. ((told == '0' or state == '0') and '1 ' or '0 ') .. user .. ' ' .. "
    "                 state .. ' ' .. (v[4] or now) "
    "    for id in string.gmatch(told ~= state and ARGV[5] or '', '%d+') do "
    "      redis.call('PUBLISH', P .. 'u:' .. id, text) "
    "    end "
    "    redis.call('ZREM', P .. 'changed', user) "
    "    if state == '0' then redis.call('DEL', key) "
    "    else redis.call('HSET', key, 'told', state, 'at', now) end "
    "  end "
    "end "
    "return due_in()";
