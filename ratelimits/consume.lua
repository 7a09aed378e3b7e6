-- Asked by ratelimits/store.py before each request of an API: takes what the request costs from
-- all of its buckets, or from none.
--
-- KEYS    the buckets. A value is "level:at": what was left, and when (milliseconds).
-- ARGV    1: 0 only looks. Then for each bucket: the level of a full one, what flows back in a
--         millisecond, the price of the request, and 1 if the rule only watches.
-- Answer  for each bucket the level after it, and 1 if it has less than the price, else 0: one
--         text with spaces between, which costs its reader the least.
--
-- A level is in parts of a token, so that every figure is a whole number below 2^53 and nothing is
-- rounded. The clock is the server's. Where it was set back no time passed, and what flows back
-- from then on is counted by the new time, or an empty bucket would stay so until the old one.
local format, match = string.format, string.match
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = redis.call('MGET', unpack(KEYS))
local levels, is_ahead, is_allowed, is_taken = {}, {}, true, ARGV[1] == '1'

for i = 1, #KEYS do
    local at = 4 * i - 2
    local level = tonumber(ARGV[at])
    if stored[i] then
        local left, since = match(stored[i], '^(%d+):(%d+)$')
        if left then
            local passed = now - since
            is_ahead[i] = passed < 0
            level = math.min(level, left + math.max(0, passed) * ARGV[at + 1])
        end
    end
    levels[i] = level
    if level < tonumber(ARGV[at + 2]) and ARGV[at + 3] == '0' then
        is_allowed = false
    end
end

local answer = {}
for i = 1, #KEYS do
    local at = 4 * i - 2
    local level, price = levels[i], tonumber(ARGV[at + 2])
    local is_short = level < price
    local is_paid = is_allowed and not is_short
    if is_taken and (is_paid or is_ahead[i]) then
        if is_paid then
            level = level - price
        end
        -- A bucket that is full again is not there.
        redis.call(
            'SET', KEYS[i], format('%d:%d', level, now),
            'PX', math.ceil((ARGV[at] - level) / ARGV[at + 1]) + 1000
        )
    end
    answer[i] = format('%d %d', level, is_short and 1 or 0)
end
return table.concat(answer, ' ')
