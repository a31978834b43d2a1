// Package pgtest starts real PostgreSQL servers for tests, each in a folder of its own, with a password.
package pgtest
