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

// replies tell what the first word of an error reply means. The rest of a reply is not repeated: it may
// hold the arguments of the command, which are keys and documents.
var replies = map[string]string{
	"NOAUTH":      "it asks for a password",
	"WRONGPASS":   "it refuses the user name or password",
	"NOPERM":      "its ACL does not let this user do that",
	"READONLY":    "it is a replica, or was made one, and takes no writes",
	"LOADING":     "it is still loading its data",
	"OOM":         "its memory is full (maxmemory)",
	"MISCONF":     "it cannot save to its disk and takes no writes",
	"WRONGTYPE":   "a key holds something else than Interdict wrote there",
	"MASTERDOWN":  "it is a replica that has lost its master",
	"NOREPLICAS":  "it has too few replicas to take writes",
	"CLUSTERDOWN": "its cluster is down",
	"CROSSSLOT":   "it is a cluster: use redis+cluster://",
	"MOVED":       "it is a node of a cluster: use redis+cluster://",
	"TRYAGAIN":    "its cluster is being resharded",
	"BUSY":        "it is busy with a script",
	"DAMAGED":     "the table of documents, layers and blobs has lost a part",
	"FORMAT":      "it was written by another version of interdict",
}

// failed makes an error of Redis into fault.Unavailable; one that has a kind keeps it. ctx is the caller's.
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
		return fault.E(fault.Unavailable, "%s in %s: something that was written is missing", op, s.Describe())
	case errors.As(err, &reply):
		word, _, _ := strings.Cut(reply.Error(), " ")
		if strings.Contains(reply.Error(), "max number of clients") {
			return fault.E(fault.Unavailable, "%s in %s: it has too many clients", op, s.Describe())
		}
		if meaning, ok := replies[word]; ok {
			return fault.E(fault.Unavailable, "%s in %s: %s (%s)", op, s.Describe(), meaning, word)
		}
		return fault.E(fault.Unavailable, "%s in %s: it answered with an error (%.20s)", op, s.Describe(), word)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &network) && network.Timeout():
		return fault.E(fault.Unavailable, "%s in %s: it did not answer in time", op, s.Describe())
	}
	return fault.E(fault.Unavailable, "%s in %s: %w", op, s.Describe(), err)
}

// over tells why a context has ended. A connection notices its deadline a little earlier than the context does.
func over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < 2*time.Millisecond {
		return context.DeadlineExceeded
	}
	return nil
}
