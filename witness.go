package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"interdict/lists/fault"
	"interdict/screening/journal/proof"
)

type witnessCmd struct {
	Listen  string   `help:"Address that the witness listens on." default:"127.0.0.1:8090" placeholder:"HOST:PORT"`
	Dir     string   `help:"Folder of its key and of the newest checkpoint of each log." default:"./witness" placeholder:"DIR"`
	Name    string   `help:"Name of the witness, with which its key is made at the first start." default:"witness" placeholder:"NAME"`
	Log     []string `help:"Public keys of the logs to cosign, as audit keys prints them." required:"" placeholder:"KEY"`
	TLSCert string   `name:"tls-cert" help:"PEM file of the certificate to serve with." placeholder:"FILE"`
	TLSKey  string   `name:"tls-key" help:"PEM file of its key." placeholder:"FILE"`
}

// Help is shown under witness --help.
func (*witnessCmd) Help() string {
	return "A witness signs a checkpoint only if it continues the one before. Run by an auditor or a parent company, it proves that not even the operator has changed the record. " +
		"It speaks C2SP tlog-witness, and prints the text for --witness at its start.\n\n" +
		"Example:\n  interdict witness --listen :8090 --name auditor.example --log 'interdict+7fae0c12+AbCd…'"
}

func (c *witnessCmd) Run(e *env) error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return usage("TLS needs both --tls-cert and --tls-key")
	}
	key, vkey, err := c.key()
	if err != nil {
		return err
	}
	w, err := proof.NewWitness(c.Dir, key, c.Log)
	if err != nil {
		return err
	}
	defer w.Close()
	ln, err := listen(c.Listen, false)
	if err != nil {
		return err
	}
	srv := httpServer(w, e.logger())
	failed := make(chan error, 1)
	scheme := "http"
	go func() {
		if c.TLSCert != "" {
			failed <- srv.ServeTLS(ln, c.TLSCert, c.TLSKey)
		} else {
			failed <- srv.Serve(ln)
		}
	}()
	if c.TLSCert != "" {
		scheme = "https"
	}
	fmt.Fprintf(e.stdout, "--witness '%s://%s %s'\n", scheme, ln.Addr(), vkey)
	select {
	case err = <-failed:
	case <-e.ctx.Done():
		stop, done := context.WithTimeout(context.Background(), 10*time.Second)
		defer done()
		err = srv.Shutdown(stop)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// key reads the key of the witness, or makes it at the first start: one file with the private and the public key.
func (c *witnessCmd) key() (key, vkey string, err error) {
	path := filepath.Join(c.Dir, "witness.key")
	b, err := os.ReadFile(path)
	if err == nil {
		lines := strings.Fields(string(b))
		if len(lines) != 2 {
			return "", "", fault.E(fault.Conflict, "%s is not the key of a witness: restore it from a backup", path)
		}
		return lines[0], lines[1], nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", "", fault.E(fault.Unavailable, "read the key of the witness: %w", err)
	}
	if entries, err := os.ReadDir(c.Dir); err == nil && len(entries) > 0 {
		return "", "", fault.E(fault.Conflict, "%s has the state of a witness, but not its key witness.key: restore it from a backup", c.Dir)
	}
	if key, vkey, err = proof.NewWitnessKey(c.Name, rand.Reader); err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", "", fault.E(fault.Unavailable, "create the folder of the witness: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = fmt.Fprintf(f, "%s\n%s\n", key, vkey)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return "", "", fault.E(fault.Unavailable, "write the key of the witness: %w", err)
	}
	return key, vkey, nil
}
