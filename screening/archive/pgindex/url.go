package pgindex

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"interdict/lists/fault"
)

// parse returns the settings that a URL has, and the name of the index. Errors do not repeat the URL, nor what its parser says: both can hold the
// password.
func parse(text string) (*pgxpool.Config, string, error) {
	const want = "postgres://user:password@host:5432/database" //nolint:gosec // an example
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, "", fault.E(fault.Invalid, "the URL of the PostgreSQL index is not of the form %s; characters such as / and @ in a password are written %%2F and %%40", want)
	}
	name := "postgres " + strings.TrimSuffix(u.Host, ":5432") + u.EscapedPath()
	cfg, err := pgxpool.ParseConfig(text)
	if err != nil {
		parameters := "it has none"
		if keys := slices.Sorted(maps.Keys(u.Query())); len(keys) > 0 {
			parameters = "it has " + strings.Join(keys, ", ")
		}
		return nil, "", fault.E(fault.Invalid, "%s: its host, port, a file that it names, or one of its parameters (%s) cannot be used", name, parameters)
	}
	if u.Host == "" {
		name = "postgres " + cfg.ConnConfig.Host + "/" + cfg.ConnConfig.Database
	}
	switch mode := cfg.ConnConfig.DefaultQueryExecMode; mode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		// A program that is built with nopgxregisterdefaulttypes cannot send arrays in these, nor can they be used with settings of a connection.
		return nil, "", fault.E(fault.Invalid, "%s: default_query_exec_mode=%s cannot be used: the index needs a connection that keeps its settings; leave it out, "+
			"and let a pooler pool sessions", name, strings.ReplaceAll(mode.String(), " ", "_"))
	}
	if !u.Query().Has("connect_timeout") {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "interdict"
	}
	return cfg, name, nil
}
