// Package oapicodegen pins oapi-codegen and what its clients import. A test of package api makes clients with it and runs testdata/smoke.
package oapicodegen

import (
	_ "github.com/oapi-codegen/runtime" // imported by the generated clients
)
