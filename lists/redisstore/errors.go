package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"interdict/lists/fault"
)

// replies maps the first word of an error reply to a message. The rest of a reply is never shown: it can
// contain the arguments of the command, which are keys and documents.
var replies = map[string]string{
	"NOAUTH":      "it requires a password: set it in the URL or in the configuration",
	"WRONGPASS":   "the user name or password is wrong",
	"NOPERM":      "its ACL denies this user a command",
	"READONLY":    "it is a replica and accepts no writes: name the master",
	"LOADING":     "it is still loading its data",
	"OOM":         "its memory is full: raise maxmemory",
	"MISCONF":     "it cannot save to its disk and accepts no writes",
	"WRONGTYPE":   "another program has overwritten a key: give Interdict a key prefix of its own",
	"MASTERDOWN":  "it is a replica that has lost its master",
	"NOREPLICAS":  "it has too few replicas to accept writes",
	"CLUSTERDOWN": "its cluster is down",
	"CROSSSLOT":   "it is a cluster: use redis+cluster://",
	"MOVED":       "it is a node of a cluster: use redis+cluster://",
	"TRYAGAIN":    "its cluster is being resharded",
	"BUSY":        "it is running a script",
	"DAMAGED":     "the table of documents, layers and blobs is damaged: restore it from a backup",
	"FORMAT":      "another version of interdict wrote the store: use that version",
}

// failed makes an error of Redis fault.Unavailable and names the operation and the store. An error with a kind is returned as it is.
// ctx is that of the caller, without the timeout of the step.
func (s *Store) failed(ctx context.Context, op string, err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	var reply redis.Error
	var network net.Error
	if ended := over(ctx); ended != nil {
		return fault.E(fault.Unavailable, "%s in %s: %w", op, s.Describe(), ended)
	}
	switch {
	case errors.Is(err, redis.ErrClosed):
		return fault.E(fault.Unavailable, "%s: %s is closed", op, s.Describe())
	case errors.Is(err, redis.Nil):
		return fault.E(fault.Unavailable, "%s in %s: data is missing", op, s.Describe())
	case errors.As(err, &reply):
		word, _, _ := strings.Cut(reply.Error(), " ")
		if strings.Contains(reply.Error(), "max number of clients") {
			return fault.E(fault.Unavailable, "%s in %s: it has too many clients", op, s.Describe())
		}
		if meaning, ok := replies[word]; ok {
			return fault.E(fault.Unavailable, "%s in %s: %s (%s)", op, s.Describe(), meaning, word)
		}
		return fault.E(fault.Unavailable, "%s in %s: error reply %.20s", op, s.Describe(), word)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &network) && network.Timeout():
		return fault.E(fault.Unavailable, "%s in %s: it did not answer in time", op, s.Describe())
	}
	return fault.E(fault.Unavailable, "%s in %s: %w", op, s.Describe(), err)
}

// over returns why a context has ended, or nil. A connection can reach its deadline slightly before the context does.
func over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < 2*time.Millisecond {
		return context.DeadlineExceeded
	}
	return nil
}
