-- Asked by ratelimits/store.py before each request of an API: takes what the request costs from
-- all of its buckets, or from none.
--
-- KEYS    the buckets. A value is "level:at": what was left, and when (milliseconds).
-- ARGV    1: 0 only looks. Then for each bucket: capacity, refill and window (milliseconds) of its
--         rule, the cost, and 1 if the rule only watches.
-- Answer  1 if all is well, else 0; then for each bucket the level after it, and 1 if it has less
--         than the cost.
--
-- A level is in parts of a token, `window` to each, so that every figure is a whole number below
-- 2^53 and nothing is rounded. The clock is the server's; where it was set back, no time passed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = redis.call('MGET', unpack(KEYS))
local levels, prices, is_allowed = {}, {}, 1

for i = 1, #KEYS do
    local at = 5 * i - 3
    local refill, window = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local full = ARGV[at] * window
    local level = full
    if stored[i] then
        local left, since = string.match(stored[i], '^(%d+):(%d+)$')
        if left then
            level = math.min(full, left + math.max(0, now - since) * refill)
        end
    end
    levels[i], prices[i] = level, ARGV[at + 3] * window
    if level < prices[i] and ARGV[at + 4] == '0' then
        is_allowed = 0
    end
end

local answer = {is_allowed}
for i = 1, #KEYS do
    local at = 5 * i - 3
    local is_short = levels[i] < prices[i]
    if is_allowed == 1 and not is_short and ARGV[1] == '1' then
        levels[i] = levels[i] - prices[i]
        local full = ARGV[at] * ARGV[at + 2]
        -- A bucket that is full again is not there.
        redis.call(
            'SET', KEYS[i], string.format('%.0f:%.0f', levels[i], now),
            'PX', string.format('%.0f', math.ceil((full - levels[i]) / ARGV[at + 1]) + 1000)
        )
    end
    answer[#answer + 1] = levels[i]
    answer[#answer + 1] = is_short and 1 or 0
end
return answer
