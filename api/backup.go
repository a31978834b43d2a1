package api

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
)

// BackupMedia is the media type of a backup.
const BackupMedia = "application/zstd"

// backupIdle is how long a caller may take for the next part of a backup.
const backupIdle = time.Minute

// backups lets callers take one backup at a time.
type backups struct {
	write func(ctx context.Context, to io.Writer, record bool) error
	one   sync.Mutex
}

// getBackup streams a backup. What goes wrong after the first byte breaks the connection off, and the file has no manifest then.
func (s *Server) getBackup(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "record")
	if err != nil {
		return err
	}
	if v := q["record"]; v != "" && v != "true" && v != "false" {
		return fault.E(fault.Invalid, "record: must be true or false")
	}
	if s.backups.write == nil {
		return fault.E(fault.Conflict, "this server makes no backups")
	}
	if !s.backups.one.TryLock() {
		return fault.E(fault.Conflict, "another backup is being made by this server: wait for its end")
	}
	defer s.backups.one.Unlock()
	event := lists.NewEvent("backup", who.Actor, "", &lists.Warrant{})
	if err := s.ledger.Begin(event); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	w := &started{c: c, media: BackupMedia, name: "interdict-" + s.now().UTC().Format("20060102T150405Z") + ".tar.zst"}
	patient := &patientWriter{w: w, control: http.NewResponseController(c.Writer)}
	buffered := bufio.NewWriterSize(patient, 64<<10)
	if err = s.backups.write(ctx, buffered, q["record"] != "false"); err == nil {
		err = buffered.Flush()
	}
	s.ledger.End(event, err)
	if err != nil && w.yes {
		s.log.Warn("a backup broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// patientWriter allows each write its own time.
type patientWriter struct {
	w       io.Writer
	control *http.ResponseController
}

func (p *patientWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(backupIdle)) // a writer that cannot set one has none
	return p.w.Write(b)
}
