package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/loader"
	"interdict/screening"
)

// Serve runs the server under test until ctx ends: the real API, and beside it a bare Gin handler and the naive design. It prints
// the two addresses on Options.Stdout.
func Serve(ctx context.Context, dir string, o Options) error {
	s, err := o.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	keys, err := auth.Open(ctx, s.Store, auth.Options{Recorder: s.Recorder, Log: s.Log, Now: time.Now})
	if err != nil {
		return err
	}
	if _, err := keys.Bootstrap(ctx, apiKey); err != nil {
		return err
	}
	metrics := api.NewMetrics()
	screener := screening.New(s.Store, s.Journal, metrics, s.Log, time.Now)
	if err := screener.Refresh(ctx); err != nil {
		return err
	}
	server := api.New(api.Options{Screener: screener, Loader: s.Loader, Keys: keys, Store: s.Store, Metrics: metrics, Log: s.Log, Now: time.Now, Recorder: s.Recorder,
		JournalError: func() error { return nil }})
	bare, err := bareGin(ctx, screener, o.Redis)
	if err != nil {
		return err
	}
	if s.Indexer != nil {
		turns := indexTurns{ctx: ctx, indexer: s.Indexer}
		defer turns.set(false)
		bare.POST("/index/:on", func(c *gin.Context) {
			turns.set(c.Param("on") == "true")
			c.String(http.StatusOK, "%d", s.Indexer.Records())
		})
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	full, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if o.Activations {
		go s.Loader.Tend(ctx)
		go o.activate(ctx, s, screener)
	}
	fmt.Fprintf(o.Stdout, "%s %s\n", full.Addr(), ln.Addr())
	go func() { _ = httpServer(bare, s.Log).Serve(ln) }()
	return httpServer(server.Handler(), s.Log).Serve(full)
}

// activate puts fifty more addresses on the list every second, as a service under attack would.
func (o *Options) activate(ctx context.Context, s *Store, screener *screening.Screener) {
	for n := o.Size; ctx.Err() == nil; time.Sleep(time.Second) {
		rows := "address,entity\n"
		for range 50 {
			rows += synthetic(uint64(n), true) + ",New\n"
			n++
		}
		v, err := s.Loader.Stage(ctx, "bench", []loader.Upload{{Name: "more.csv", Body: strings.NewReader(rows)}},
			loader.StageOptions{Format: "csv", Mode: lists.Add, By: lists.Person(o.By)})
		if err == nil {
			_, err = s.Loader.Activate(ctx, "bench", v.Number, loader.ActivateOptions{By: lists.Person(o.By), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
		}
		if err == nil {
			err = screener.Refresh(ctx)
		}
		if err != nil {
			fmt.Fprintln(o.Stderr, "interdict: an activation failed:", err)
		}
	}
}

// indexTurns lets an indexer run and stop.
type indexTurns struct {
	ctx     context.Context
	indexer Indexer
	stop    func() // nil: it does not run
}

// set starts the indexer, or stops it and waits for that. Calls follow each other.
func (t *indexTurns) set(on bool) {
	if t.stop != nil {
		t.stop()
		t.stop = nil
	}
	if !on {
		return
	}
	ctx, cancel := context.WithCancel(t.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.indexer.Run(ctx)
	}()
	t.stop = func() {
		cancel()
		<-done
	}
}

// bareGin is what the full path is measured against: it binds the same body and answers a constant of the same size. /naive
// is the design that asks Redis for every check.
func bareGin(ctx context.Context, screener *screening.Screener, redisURL string) (*gin.Engine, error) {
	type body struct {
		Address   string `json:"address" binding:"required"`
		Network   string `json:"network"`
		Asset     string `json:"asset"`
		Direction string `json:"direction" binding:"required"`
		Reference string `json:"reference"`
		Customer  string `json:"customer"`
	}
	var a screening.Answer
	if err := screener.Check(ctx, &screening.Request{Address: synthetic(0, false), Network: "ethereum", Direction: lists.Withdrawal, By: "bench"}, &a); err != nil {
		return nil, err
	}
	constant := bytes.Clone(a.JSON)
	e := gin.New()
	e.POST("/bare", func(c *gin.Context) {
		var b body
		if err := c.ShouldBindJSON(&b); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		c.Data(http.StatusOK, "application/json", constant)
	})
	// A batch is spread over the cores; the other scenarios run on one.
	e.POST("/cores/:n", func(c *gin.Context) {
		n, err := strconv.Atoi(c.Param("n"))
		if err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		runtime.GOMAXPROCS(n)
		c.Status(http.StatusOK)
	})
	if redisURL == "" {
		return e, nil
	}
	opts, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(opts)
	e.POST("/naive", func(c *gin.Context) {
		var b body
		if err := c.ShouldBindJSON(&b); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		_, err := client.Get(c.Request.Context(), strings.ToLower(b.Address)).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			c.JSON(http.StatusServiceUnavailable, gin.H{"error": "redis"})
			return
		}
		c.Data(http.StatusOK, "application/json", constant)
	})
	return e, nil
}

func httpServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}
