-- One subject's buckets of requests and tokens, as meter.rs has them. Every number is whole and below 2^53.
-- KEYS[1]: the subject
-- ARGV: a tag; "take" or "settle"; a minute's requests and tokens, 0 without end; the parts wanted of each
local MINUTE_MS = 60000
local UNIT = 60000
local limits = { tonumber(ARGV[3]), tonumber(ARGV[4]) }
local wanted = { tonumber(ARGV[5]), tonumber(ARGV[6]) }

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kept = redis.call('HMGET', KEYS[1], 'at', 'requests', 'tokens')
-- A clock that went back gives nothing back.
local elapsed = math.max(0, math.min(MINUTE_MS, now - (tonumber(kept[1]) or now)))

local used, full = {}, {}
local granted = true
for i = 1, 2 do
    full[i] = limits[i] * UNIT
    used[i] = math.max(0, math.min(full[i], tonumber(kept[i + 1]) or 0) - limits[i] * elapsed)
    granted = granted and used[i] + wanted[i] <= full[i]
end
-- What has been used is used, whether there was room for it or not.
if granted or ARGV[2] == 'settle' then
    for i = 1, 2 do
        used[i] = math.max(0, math.min(full[i], used[i] + wanted[i]))
    end
end

local dry_in = 0
for i = 1, 2 do
    if used[i] > 0 then
        dry_in = math.max(dry_in, math.ceil(used[i] / limits[i]))
    end
end
if dry_in == 0 then
    redis.call('DEL', KEYS[1])
else
    redis.call('HSET', KEYS[1],
        'at', string.format('%.0f', now),
        'requests', string.format('%.0f', used[1]),
        'tokens', string.format('%.0f', used[2]))
    redis.call('PEXPIRE', KEYS[1], dry_in)
end
return { ARGV[1], granted and 1 or 0, used[1], used[2] }
