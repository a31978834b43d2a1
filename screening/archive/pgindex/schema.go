package pgindex

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"interdict/lists/fault"
)

// layout is the number of the schema below. A change of the schema is a new number: the index is filled again from the record.
const layout = 2

// The primary key of records comes first with what an entry that comes again is looked for by; it has to have the partition's column in it. Indexes that
// end with the time give the order; records of the same nanosecond are sorted as they are read.
const schema = `
CREATE TABLE interdict.records (
	time         bigint   NOT NULL,
	seq          bigint   NOT NULL,
	writer       uuid     NOT NULL,
	kind         smallint NOT NULL,
	id           uuid,
	payload      bytea    NOT NULL,
	keys         bytea, -- a byte with the length, then the key
	lists        bytea[],
	result       bytea,
	reference    bytea,
	customer     bytea,
	made_by      bytea,
	alert_id     bytea, -- layout 1 named it alert: a server that still has it cannot add to this one
	resolved     boolean,
	PRIMARY KEY (writer, seq, time)
) PARTITION BY RANGE (time);
CREATE INDEX ON interdict.records (time);
CREATE INDEX ON interdict.records (id, time) WHERE id IS NOT NULL;
CREATE INDEX ON interdict.records (result, time) WHERE result IS NOT NULL;
CREATE INDEX ON interdict.records (reference, time) WHERE reference IS NOT NULL;
CREATE INDEX ON interdict.records (customer, time) WHERE customer IS NOT NULL;

CREATE TABLE interdict.terms (
	term         uuid     NOT NULL,
	time         bigint   NOT NULL,
	seq          bigint   NOT NULL,
	writer       uuid     NOT NULL
) PARTITION BY RANGE (time);
CREATE INDEX ON interdict.terms (term, time);

CREATE TABLE interdict.alerts (
	id              bytea  PRIMARY KEY,
	hit             boolean, -- a check created it; NULL: it is not created yet
	created_time    bigint,
	created_writer  uuid,
	created_seq     bigint,
	resolved_time   bigint,
	resolved_writer uuid,
	resolved_seq    bigint
);
CREATE INDEX ON interdict.alerts (created_time, created_writer, created_seq);
CREATE INDEX ON interdict.alerts (hit, created_time, created_writer, created_seq);
CREATE INDEX ON interdict.alerts (resolved_time);
CREATE INDEX open_alerts ON interdict.alerts (created_time, created_writer, created_seq) WHERE created_time IS NOT NULL AND resolved_time IS NULL;
CREATE INDEX open_alerts_of ON interdict.alerts (hit, created_time, created_writer, created_seq) WHERE created_time IS NOT NULL AND resolved_time IS NULL;

CREATE TABLE interdict.marks (
	writer   uuid    PRIMARY KEY,
	node     bytea   NOT NULL,
	seq      bigint  NOT NULL,
	added    bigint  NOT NULL, -- the highest sequence of an entry that was added: none above it is in records
	complete bigint,
	ended    boolean NOT NULL,
	gap      bytea   NOT NULL
);

CREATE TABLE interdict.version (version integer NOT NULL);
`

// prepare creates the schema, or sees that it is there.
func (x *index) prepare(ctx context.Context) error {
	if x.prepared.Load() {
		return nil
	}
	// All that wait get the result of one attempt, so that they do not wait for a server that hangs one after the other.
	result := x.flight.DoChan("", func() (any, error) {
		created := false
		err := x.attempt(x.open, pgx.TxOptions{}, func(ctx context.Context, tx transaction) (err error) {
			created, err = prepare(ctx, tx)
			return err
		})
		if err == nil {
			x.prepared.Store(true)
		}
		if created && err == nil {
			x.log.Info("created the tables of the index; it is filled from the record", "index", x.name)
		}
		return nil, err
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func prepare(ctx context.Context, tx transaction) (created bool, err error) {
	var hasSchema, hasTables bool
	exists := func() error { // to_regclass may not notice what another connection has just created
		return tx.query(ctx, func(r pgx.Rows) error { return r.Scan(&hasSchema, &hasTables) }, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'interdict'),
			EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'interdict' AND c.relname = 'version')`)
	}
	if err := exists(); err != nil {
		return false, err
	}
	version := 0
	readVersion := func() error {
		return tx.query(ctx, func(r pgx.Rows) error { return r.Scan(&version) }, "SELECT version FROM interdict.version")
	}
	if hasTables {
		if err := readVersion(); err != nil {
			return false, err
		}
	}
	if !hasTables || version < layout { // a server that is read only can be searched, but has no advisory locks to wait for others with
		if err := tx.lock(ctx, lockSchema, false); err != nil {
			return false, err
		}
		if err := exists(); err != nil {
			return false, err
		}
	}
	if hasTables {
		if err := readVersion(); err != nil {
			return false, err
		}
		switch {
		case version == layout:
			return false, nil
		case version > layout:
			return false, fault.E(fault.Unavailable, "the index has layout %d, which a newer version of interdict has made; this one needs %d", version, layout)
		}
		if err := dropTables(ctx, tx); err != nil {
			return false, err
		}
	}
	if !hasSchema {
		if _, err := tx.exec(ctx, "CREATE SCHEMA interdict"); err != nil {
			return false, err
		}
	}
	if _, err := tx.exec(ctx, schema, pgx.QueryExecModeSimpleProtocol); err != nil {
		return false, err
	}
	_, err = tx.exec(ctx, "INSERT INTO interdict.version VALUES ($1)", layout)
	return true, err
}

// dropTables drops an index of an older layout, once nobody adds to it.
func dropTables(ctx context.Context, tx transaction) error {
	tx.timeout = dropTimeout
	if _, err := tx.exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", dropTimeout.Milliseconds())); err != nil {
		return err
	}
	if err := tx.lock(ctx, lockContent, false); err != nil {
		return err
	}
	_, err := tx.exec(ctx, "DROP TABLE interdict.records, interdict.terms, interdict.alerts, interdict.marks, interdict.version")
	return err
}
