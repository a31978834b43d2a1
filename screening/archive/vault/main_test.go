package vault_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"interdict/screening/archive/vault/vaulttest"
)

func TestMain(m *testing.M) {
	vaulttest.Main()
	goleak.VerifyTestMain(m)
}

func TestFolder(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vaulttest.Target {
		dir := t.TempDir()
		return vaulttest.Target{Address: dir, Path: func(object string) string { return filepath.Join(dir, filepath.FromSlash(object)) }}
	})
}
