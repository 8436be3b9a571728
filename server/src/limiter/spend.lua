-- Token buckets by the moment at which each would be full again (GCRA), as in limiter.ts, by the clock of this server:
-- all nodes have the same. KEYS: the row. ARGV: take or look, which bucket is quoted, then cost and burst of each.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = {}
for moment in string.gmatch(redis.call('GET', KEYS[1]) or '', '%S+') do
  before[#before + 1] = tonumber(moment)
end

local after, wait, full = {}, 0, 0
for at = 3, #ARGV, 2 do
  local cost, burst = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local written = before[#after + 1] or 0
  -- Further away than an empty bucket is full again: written before the clock was set back.
  if written > now + burst * cost + 1 then written = 0 end
  local moment = math.max(written, now) + cost
  after[#after + 1] = moment
  local mine = moment - now - burst * cost
  -- Of a call, less than this is what adding up fractions leaves over.
  if mine > 0.05 * cost then wait = math.max(wait, mine) end
  full = math.max(full, moment)
end

local kept = before
if wait == 0 and ARGV[1] == 'take' then
  kept = after
  local texts = {}
  for index, moment in ipairs(after) do texts[index] = string.format('%.3f', moment) end
  redis.call('SET', KEYS[1], table.concat(texts, ' '), 'PX', math.ceil(full - now))
end
local quoted = kept[tonumber(ARGV[2]) + 1] or now
return { string.format('%.3f', wait), string.format('%.3f', math.max(0, quoted - now)) }
