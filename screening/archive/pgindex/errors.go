package pgindex

import (
	"context"
	"errors"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"interdict/lists/fault"
)

// meanings maps SQLSTATE codes, or their classes, to messages. The text of the server is not shown: it can contain what a record holds.
var meanings = map[string]string{
	"08":    "the connection failed",
	"22":    "it refuses a value",
	"23505": "a record is there twice: the index is damaged; clear it and fill it again",
	"23514": "a partition is missing",
	"25006": "it is read only: name the primary, or add target_session_attrs=read-write to the URL",
	"28":    "the user name or the password is wrong, or pg_hba.conf does not let this host in",
	"3D000": "it has no such database",
	"3F000": "the schema interdict is missing",
	"40":    "the transaction lost against others, again and again",
	"42501": "the user lacks a right: let it create the schema interdict, or make it the owner of that schema",
	"42":    "its tables are not those of this version of interdict: a newer one may have replaced them",
	"53100": "its disk is full",
	"53200": "it is out of memory",
	"53300": "it has too many clients",
	"53":    "it lacks room or memory",
	"54":    "a limit of the server is too low",
	"55P03": "a lock was not free in time",
	"57014": "a statement took too long",
	"57P01": "it was shut down",
	"57P02": "it crashed",
	"57P03": "it is starting or stopping",
	"57P05": "it ended an idle connection",
	"58":    "its disk fails",
	"XX":    "its data is damaged",
}

// again says whether a transaction that failed may succeed at once if it is tried again.
func again(err error) bool {
	var reply *pgconn.PgError
	if errors.As(err, &reply) {
		switch reply.Code {
		case "40001", "40P01", "55P03": // serialization failure, deadlock, lock timeout
			return true
		case "23514", "42P01", "3F000": // a partition, a table or the schema was dropped since this process saw it
			return true
		}
		return false
	}
	return pgconn.SafeToRetry(err) && !timedOut(err) // a connection that had died before anything was sent
}

// missing says whether the error is that of a table or a partition that is not there any more.
func missing(err error) bool {
	var reply *pgconn.PgError
	return errors.As(err, &reply) && (reply.Code == "23514" || reply.Code == "42P01" || reply.Code == "3F000")
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) || errors.As(err, &network) && network.Timeout()
}

// failed makes an error of PostgreSQL fault.Unavailable and names the operation and the index. An error with a kind is returned as it is. ctx is that of
// the caller.
func (x *index) failed(ctx context.Context, op string, err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	var reply *pgconn.PgError
	switch {
	case x.open.Err() != nil:
		return fault.E(fault.Unavailable, "%s: %s is closed", op, x.name)
	case ctx.Err() != nil:
		return fault.E(fault.Unavailable, "%s in %s: %w", op, x.name, ctx.Err())
	case errors.As(err, &reply):
		for _, code := range []string{reply.Code, reply.Code[:min(2, len(reply.Code))]} {
			if meaning, ok := meanings[code]; ok {
				return fault.E(fault.Unavailable, "%s in %s: %s (SQLSTATE %s)", op, x.name, meaning, reply.Code)
			}
		}
		return fault.E(fault.Unavailable, "%s in %s: SQLSTATE %s", op, x.name, reply.Code)
	case timedOut(err):
		return fault.E(fault.Unavailable, "%s in %s: it did not answer in time", op, x.name)
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return fault.E(fault.Unavailable, "%s in %s: %w", op, x.name, network)
	}
	return fault.E(fault.Unavailable, "%s in %s: the connection failed", op, x.name)
}
