-- A period. KEYS: a hash with c for calls and b for bytes. ARGV: limits of c and b; what to add if there is room; what to add
-- whatever the limits say (what a node counted while this server was gone); 1 to add all without judging; milliseconds until
-- it is forgotten, 0 for never; a number for this hash when it is made now, 0 when what follows is not known; c and b to begin
-- with; the number of the hash that the node saw last, if what was counted meanwhile is for that one only.
-- Answers 0 for counted, 1 for out of calls, 2 for out of bytes, -1 when the beginning is needed; then c, b and the hash's number.
local key = KEYS[1]
if redis.call('EXISTS', key) == 0 then
	if ARGV[9] == '0' then
		return {-1, 0, 0, 0}
	end
	redis.call('HSET', key, 'c', ARGV[10], 'b', ARGV[11], 'e', ARGV[9])
	if ARGV[8] ~= '0' then
		redis.call('PEXPIRE', key, ARGV[8])
	end
end
local e = redis.call('HGET', key, 'e')
if ARGV[12] ~= '' and ARGV[12] ~= e then -- made anew from the ledger, which has that already
	ARGV[5], ARGV[6] = 0, 0
end
local c = redis.call('HINCRBY', key, 'c', ARGV[5])
local b = redis.call('HINCRBY', key, 'b', ARGV[6])
e = tonumber(e)
if ARGV[7] ~= '1' then
	if c >= tonumber(ARGV[1]) then
		return {1, c, b, e}
	elseif b >= tonumber(ARGV[2]) then
		return {2, c, b, e}
	end
end
c = redis.call('HINCRBY', key, 'c', ARGV[3])
b = redis.call('HINCRBY', key, 'b', ARGV[4])
return {0, c, b, e}
