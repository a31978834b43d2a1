package redisstore

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"interdict/lists"
	"interdict/lists/fault"
)

// The table holds all records, of documents, layers and blobs, in one hash. So Redis loses all of them (evicted, flushed)
// or none, and a record that is not in the table is absent and not lost. The marker exists as soon as anything was committed.

const (
	format         = "1"
	revisionDigits = 16
	recordHead     = revisionDigits + 8 // revision, crc32c in hex
)

// checkTable is the beginning of both scripts. It fails if the table and the index do not have the same number of records.
const checkTable = `
local table, index = KEYS[1], KEYS[2]
local marker = redis.call('HGET', table, '')
local size, names = redis.call('HLEN', table), redis.call('ZCARD', index)
if marker then size = size - 1 end
if size ~= names or (size > 0 and not marker) then return redis.error_reply('DAMAGED table') end
`

// commitScript makes all changes or none. It writes only after all checks have passed, and Redis refuses the first write
// if it accepts no writes (full, replica). Revisions are microseconds of the clock of Redis
// and always increase, so that none is used again after a flush or a failover that lost commits.
//
//	KEYS table, index   ARGV channel or "", then for each change: record, expected revision or "" or "*", "w" or "d", bytes
//	→ revision, or {record} whose revision is not the expected one
var commitScript = redis.NewScript(checkTable + `
local last = 0
if marker then
  local format, revision = string.match(marker, '^(%d+):(%d+)$')
  if format ~= '` + format + `' then return redis.error_reply('FORMAT of the table') end
  last = tonumber(revision)
end
for i = 2, #ARGV, 4 do
  local stored = redis.call('HGET', table, ARGV[i])
  local revision = stored and string.sub(stored, 1, ` + strconv.Itoa(revisionDigits) + `) or ''
  if ARGV[i+1] ~= '*' and ARGV[i+1] ~= revision then return {ARGV[i]} end
end
if redis.acl_check_cmd then
  for _, c in ipairs({{'HSET', table, '', ''}, {'HDEL', table, ''}, {'ZADD', index, '0', ''}, {'ZREM', index, ''}}) do
    if not redis.acl_check_cmd(unpack(c)) then return redis.error_reply('NOPERM to commit') end
  end
end
local time = redis.call('TIME')
local revision = math.max(last + 1, time[1] * 1000000 + time[2])
local digits = string.format('%0` + strconv.Itoa(revisionDigits) + `.0f', revision)
redis.call('HSET', table, '', '` + format + `:' .. digits)
for i = 2, #ARGV, 4 do
  if ARGV[i+2] == 'w' then
    redis.call('HSET', table, ARGV[i], digits .. ARGV[i+3])
    redis.call('ZADD', index, 0, ARGV[i])
  else
    redis.call('HDEL', table, ARGV[i])
    redis.call('ZREM', index, ARGV[i])
  end
end
if ARGV[1] ~= '' then redis.pcall('PUBLISH', ARGV[1], digits) end
return digits
`)

// scanScript reads the records from one name to another, up to 1000 records or a number of bytes.
//
//	KEYS table, index   ARGV from, to (syntax of ZRANGEBYLEX), bytes
//	→ {"more" or "", name, record, name, record, …}
var scanScript = redis.NewScript(checkTable + `
if marker and string.match(marker, '^(%d+):') ~= '` + format + `' then return redis.error_reply('FORMAT of the table') end
local found = redis.call('ZRANGEBYLEX', index, ARGV[1], ARGV[2], 'LIMIT', 0, 1000)
local out, bytes = {#found == 1000 and 'more' or ''}, 0
for _, name in ipairs(found) do
  if bytes >= tonumber(ARGV[3]) then
    out[1] = 'more'
    break
  end
  local record = redis.call('HGET', table, name)
  if not record then return redis.error_reply('DAMAGED table') end
  out[#out+1], out[#out+2] = name, record
  bytes = bytes + #record
end
return out
`)

// scanBytes limits the size of one step of a scan: Redis runs nothing else during a script.
const scanBytes = 2 << 20

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("damaged: a checksum or length is wrong")
	errFormat  = errors.New(replies["FORMAT"])
)

type record struct {
	name     string
	value    []byte
	revision uint64 // 0: the record does not exist
}

type change struct {
	name   string
	value  []byte // nil: delete
	expect uint64 // as in lists.Change
}

func sumRecord(name string, value []byte) string {
	return fmt.Sprintf("%08x", crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, value))
}

func decodeRecord(name, stored string) (record, error) {
	if len(stored) < recordHead {
		return record{}, fmt.Errorf("record %s is %w", name, errDamaged)
	}
	revision, err := strconv.ParseUint(stored[:revisionDigits], 10, 64)
	value := []byte(stored[recordHead:])
	if err != nil || revision == 0 || stored[revisionDigits:recordHead] != sumRecord(name, value) {
		return record{}, fmt.Errorf("record %s is %w", name, errDamaged)
	}
	return record{name, value, revision}, nil
}

// records reads records by name. A record that does not exist has revision 0.
func (s *Store) records(ctx context.Context, names ...string) ([]record, error) {
	marker, stored, err := s.readTable(ctx, names)
	if err == nil && marker == "" {
		// Nothing was ever committed, or Redis was flushed. If there is an index, the table was evicted,
		// or the first commit was made just now.
		var n int64
		if n, err = s.client.Exists(ctx, s.keys.index()).Result(); err == nil && n > 0 {
			if marker, stored, err = s.readTable(ctx, names); err == nil && marker == "" {
				err = fmt.Errorf("the table is %w", errDamaged)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if marker != "" && !strings.HasPrefix(marker, format+":") {
		return nil, errFormat
	}
	found := make([]record, len(names))
	for i, name := range names {
		if text, ok := stored[i].(string); ok {
			found[i], err = decodeRecord(name, text)
		} else if found[i].name = name; marker != "" {
			found[i], err = s.proveAbsent(ctx, name)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// proveAbsent looks up a record in the index, since its field in the table can be deleted or expire. It returns the record if it was
// committed in the meantime.
func (s *Store) proveAbsent(ctx context.Context, name string) (record, error) {
	got, err := s.scanStep(ctx, "["+name, "["+name)
	switch {
	case err != nil:
		return record{}, err
	case len(got) == 3:
		return decodeRecord(name, got[2])
	}
	return record{name: name}, nil
}

func (s *Store) readTable(ctx context.Context, names []string) (marker string, stored []any, err error) {
	got, err := s.client.HMGet(ctx, s.keys.table(), append([]string{fieldMarker}, names...)...).Result()
	if err != nil {
		return "", nil, err
	}
	if len(got) != len(names)+1 {
		return "", nil, errDamaged
	}
	marker, _ = got[0].(string)
	return marker, got[1:], nil
}

// scan reads all records whose name begins with prefix, in order. Each step is atomic, the whole scan is not.
func (s *Store) scan(ctx context.Context, prefix string) (found []record, err error) {
	from := "[" + prefix
	for {
		got, err := s.scanStep(ctx, from, "("+prefix+"\xff")
		if err != nil {
			return nil, err
		}
		for i := 1; i+1 < len(got); i += 2 {
			r, err := decodeRecord(got[i], got[i+1])
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
		if got[0] == "" {
			return found, nil
		}
		from = "(" + found[len(found)-1].name
	}
}

func (s *Store) scanStep(ctx context.Context, from, to string) ([]string, error) {
	c, cancel := s.bulk(ctx)
	defer cancel()
	got, err := scanScript.RunRO(c, s.client, []string{s.keys.table(), s.keys.index()}, from, to, scanBytes).StringSlice()
	if err == nil && (len(got)%2 != 1 || got[0] != "" && len(got) == 1) {
		err = errDamaged
	}
	return got, err
}

// commit makes all changes or none. It returns their revision, or the name of a record whose revision is not the expected
// one. With notify it notifies all watches.
func (s *Store) commit(ctx context.Context, notify bool, changes ...change) (revision uint64, conflicting string, err error) {
	if err := ctx.Err(); err != nil {
		return 0, "", err
	}
	c, cancel := s.bulk(ctx)
	defer cancel()
	channel := ""
	if notify {
		channel = s.keys.changed()
	}
	args := make([]any, 1, 1+4*len(changes))
	args[0] = channel
	for _, ch := range changes {
		expect := "*"
		switch {
		case ch.expect == 0:
			expect = ""
		case ch.expect != lists.AnyRevision:
			expect = fmt.Sprintf("%0*d", revisionDigits, ch.expect)
		}
		if ch.value == nil {
			args = append(args, ch.name, expect, "d", "")
		} else {
			args = append(args, ch.name, expect, "w", append([]byte(sumRecord(ch.name, ch.value)), ch.value...))
		}
	}
	got, err := commitScript.Run(c, s.client, []string{s.keys.table(), s.keys.index()}, args...).Result()
	if err != nil {
		return 0, "", err
	}
	switch got := got.(type) {
	case string:
		revision, err = strconv.ParseUint(got, 10, 64)
		return revision, "", err
	case []any:
		if len(got) == 1 {
			if name, ok := got[0].(string); ok {
				return 0, name, nil
			}
		}
	}
	return 0, "", errDamaged
}

// conflict is the error of a commit that found an unexpected revision.
func conflict(what, name string) error {
	return fault.E(fault.Conflict, "%s %s was changed at the same time: read it again", what, name)
}
