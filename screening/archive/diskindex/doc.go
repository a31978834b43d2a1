// Package diskindex is the embedded implementation of archive.Index.
package diskindex

import _ "github.com/cockroachdb/pebble/v2"
