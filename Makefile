# The commands of this repository. `make help` lists them.
# Nothing here needs more than Go, a C compiler (race detector), git and make; test tools are installed where they may be.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# the time of the commit, for what is built: two builds of a commit give the same bytes
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# these tags leave out of every build, test and lint what nothing here uses: a MessagePack codec of gin, and types of pgx that only ways to
# send a query need which screening/archive/pgindex refuses
export GOFLAGS := $(strip $(GOFLAGS) -tags=nomsgpack,nopgxregisterdefaulttypes)

LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# packages tested at the same time, and the time limit of each
TEST_PARALLEL ?= 2
TEST_TIMEOUT  ?= 40m
FUZZTIME      ?= 10s
BENCH         ?= .
BENCHTIME     ?= 1s

DIST         ?= dist

IMAGE        ?= interdict:$(VERSION)
# with neither, make image says what to install
BUILDER      ?= $(shell command -v buildah || command -v docker || echo none)
IMAGE_FLAGS  ?=
# NAME=VALUE...: GO_VERSION, BASE and SOURCE of the Dockerfile; a release gives all three
IMAGE_ARGS   ?=

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

.PHONY: build
build: ## bin/interdict, static; prints its size
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/interdict .
	@printf 'bin/interdict: %d MB\n' "$$(($$(wc -c <bin/interdict) / 1000000))"

.PHONY: demo
demo: ## a throw-away server with a small list; prints two curl lines to paste
	go run . serve --demo

# redis-server, PostgreSQL, chromium, Python and npm are what tests drive for real; a test that cannot find them fails instead of skipping
.PHONY: test
test: ## every test of every module, with the race detector
	bash .ci/needs redis-server=redis-server postgres=postgresql ps=procps chromium=chromium curl=curl python3=python3 npm=npm promtool=prometheus
	INTERDICT_REQUIRE_REDIS=1 INTERDICT_REQUIRE_POSTGRES=1 INTERDICT_REQUIRE_CHROMIUM=1 bash .ci/test -race -p $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT)
	go test -count=1 -run '^Test(Allocations|Hostile|AHostile|No.*Secret|Parquet.*Memory)' -p 1 . ./screening ./api

.PHONY: test-quick
test-quick: ## the same without the race detector
	bash .ci/needs redis-server=redis-server postgres=postgresql ps=procps chromium=chromium curl=curl python3=python3 npm=npm promtool=prometheus
	INTERDICT_REQUIRE_REDIS=1 INTERDICT_REQUIRE_POSTGRES=1 INTERDICT_REQUIRE_CHROMIUM=1 bash .ci/test -p $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT)

.PHONY: fault
fault: ## servers under a failing Redis, killed processes, failovers: the long form of deploy/fault, with a table at the end
	bash .ci/needs redis-server=redis-server
	cd deploy/fault && INTERDICT_LONG=1 INTERDICT_REQUIRE_REDIS=1 go test -count=1 -v -timeout 60m .

.PHONY: upgrade-fixture
upgrade-fixture: ## the files of a release that later ones must read: PROGRAM=bin/interdict RELEASE=v1.4.0; commit them with the next change
	go test -count=1 -run TestMakeFilesOfARelease . -upgrade-program "$(PROGRAM)" -upgrade-release "$(RELEASE)"

.PHONY: bench
bench: ## the benchmarks of the parts; BENCH=pattern, BENCHTIME=3s. The whole: go run . bench
	go test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -p 1 ./...

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (10s)
	bash .ci/fuzz $(FUZZTIME)

.PHONY: lint
lint: .bin/golangci-lint ## go vet and golangci-lint over every module
	@for module in $$(bash .ci/modules); do \
		(cd "$$module" && go list ./... 2>&1) | grep -q 'matched no packages' && continue; \
		echo "--- module $$module"; \
		(cd "$$module" && go vet ./... && "$(CURDIR)/.bin/golangci-lint" run --allow-parallel-runners --config "$(CURDIR)/.golangci.yml" ./...) || exit 1; \
	done

.PHONY: modules
modules: ## go.mod and go.sum say what is used, and the downloads are what they say
	@for module in $$(bash .ci/modules); do \
		echo "--- module $$module"; \
		(cd "$$module" && go mod tidy -diff) || exit 1; \
		grep -q '^replace ' "$$module/go.mod" || (cd "$$module" && go mod verify) || exit 1; \
	done

# needs the vulnerability database: over the network, or VULNDB=file:///path of a copy
.PHONY: vuln
vuln: .bin/govulncheck ## known vulnerabilities in what we call (fetches the database; VULNDB= for a local one)
	.bin/govulncheck $(if $(VULNDB),-db '$(VULNDB)') ./...

# development tools are pinned in a module of their own, so that go.mod holds what the service is made of
.bin/golangci-lint: deploy/tools/go.mod deploy/tools/go.sum
	go build -C deploy/tools -trimpath -buildvcs=false -ldflags '-s -w' -o "$(CURDIR)/$@" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

.bin/govulncheck: deploy/tools/go.mod deploy/tools/go.sum
	go build -C deploy/tools -trimpath -buildvcs=false -ldflags '-s -w' -o "$(CURDIR)/$@" golang.org/x/vuln/cmd/govulncheck
	@touch $@

.PHONY: image
image: ## the container image, with buildah or docker; IMAGE=, IMAGE_FLAGS=
	@case '$(notdir $(BUILDER))' in none) \
		echo 'neither buildah nor docker is here: apt-get install buildah' >&2; exit 1;; esac
	$(BUILDER) $(if $(filter buildah,$(notdir $(BUILDER))),bud --timestamp '$(SOURCE_DATE_EPOCH)' --identity-label=false,build) $(IMAGE_FLAGS) \
		--build-arg VERSION='$(VERSION)' --build-arg COMMIT='$(COMMIT)' --build-arg SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' \
		--build-arg CREATED="$$(date -u -d '@$(SOURCE_DATE_EPOCH)' +%FT%TZ 2>/dev/null || date -u -r '$(SOURCE_DATE_EPOCH)' +%FT%TZ)" \
		$(addprefix --build-arg ,$(IMAGE_ARGS)) -t '$(IMAGE)' -f Dockerfile .

.PHONY: release
release: ## archives, bills of materials and SHA256SUMS in the new folder dist (docs/release.md); DIST=, TARGETS=
	TARGETS='$(TARGETS)' VERSION='$(VERSION)' COMMIT='$(COMMIT)' bash deploy/release/release.sh '$(DIST)'

# deploy/secrets is git-ignored; files are readable inside the containers, the folder only by you
.PHONY: secrets
secrets: ## fresh secrets for deploy/compose.yaml, where there are none yet
	@umask 022; mkdir -p deploy/secrets; chmod 700 deploy/secrets; \
	fresh() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }; \
	for name in bootstrap_key redis_password postgres_password; do \
		[[ -s deploy/secrets/$$name ]] || fresh >deploy/secrets/$$name; \
	done; \
	printf 'redis://:%s@redis:6379/0' "$$(<deploy/secrets/redis_password)" >deploy/secrets/redis_url; \
	printf 'postgres://interdict:%s@postgres:5432/interdict?sslmode=disable' "$$(<deploy/secrets/postgres_password)" >deploy/secrets/archive_url; \
	echo 'deploy/secrets: bootstrap_key is the admin key of a new store'

.PHONY: clean
clean: ## what the targets above built; data/ and deploy/secrets stay
	rm -rf bin .bin coverage* *.prof
	find . -path ./.git -prune -o -name '*.test' -type f -exec rm -f {} +
