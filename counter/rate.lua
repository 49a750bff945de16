-- A sliding window as ring.go has it. KEYS: the window, a hash of sub-windows by number, and "o", when number 0 began.
-- ARGV: now, length of a sub-window (microseconds), limit, what to add, 1 to add whether or not there is room.
-- Answers whether it was counted, what is in the window, and microseconds to wait.
local now, part, limit, n, force = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local parts = 60
local flat = redis.call('HGETALL', KEYS[1])
local counts, numbers, origin, head = {}, {}, now, 0
for i = 1, #flat, 2 do
	if flat[i] == 'o' then
		origin = tonumber(flat[i + 1])
	else
		local number = tonumber(flat[i])
		counts[number] = tonumber(flat[i + 1])
		numbers[#numbers + 1] = number
		head = math.max(head, number)
	end
end
head = math.max(head, math.floor((now - origin) / part)) -- another node's clock may be ahead
table.sort(numbers)
local sum = 0
for _, number in ipairs(numbers) do
	if number > head - parts then
		sum = sum + counts[number]
	else
		redis.call('HDEL', KEYS[1], number)
	end
end
if not force and sum >= limit then
	local left = sum
	for _, number in ipairs(numbers) do
		if number > head - parts then
			left = left - counts[number]
			if left < limit then
				return {0, sum, origin + (number + parts) * part - now}
			end
		end
	end
	return {0, sum, part * parts}
end
if n ~= 0 then
	if sum == 0 then
		redis.call('DEL', KEYS[1])
		redis.call('HSET', KEYS[1], 'o', ARGV[1])
		head = 0
	end
	redis.call('HINCRBY', KEYS[1], string.format('%.0f', head), ARGV[4])
	redis.call('PEXPIRE', KEYS[1], math.ceil(part * parts / 1000) + 1000)
end
return {1, sum + n, 0}
