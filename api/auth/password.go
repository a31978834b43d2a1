package auth

import (
	"context"
	_ "embed"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"interdict/lists"
	"interdict/lists/fault"
)

// hashing is the second recommended choice of RFC 9106: 64 MiB of memory, 3 passes, 4 lanes.
var hashing = &argon2id.Params{Memory: 64 << 10, Iterations: 3, Parallelism: 4, SaltLength: 16, KeyLength: 32}

// noHash is compared if the account does not exist, so that the answer takes as long. No password matches it.
const noHash = "$argon2id$v=19$m=65536,t=3,p=4$aW50ZXJkaWN0LWRlY295IQ$YSBkZWNveSB0aGF0IG5vIHBhc3N3b3JkIGhhc2hlcyB0byE"

const (
	hashesAtOnce = 2 // so that sign-ins take at most 128 MiB
	hashWait     = 10 * time.Second
)

// passwords hashes passwords with argon2id, a few at a time.
type passwords struct{ slots chan struct{} }

func newPasswords() passwords { return passwords{make(chan struct{}, hashesAtOnce)} }

// take waits for a turn, which release ends.
func (p passwords) take(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, fault.E(fault.RateLimited, "too many people sign in at once: try again in a moment")
	}
}

func (p passwords) hash(ctx context.Context, password string) (string, error) {
	release, err := p.take(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return argon2id.CreateHash(norm.NFKC.String(password), hashing)
}

// matches reports whether a password has the hash; "" is the hash of none.
func (p passwords) matches(ctx context.Context, password, hash string) (bool, error) {
	if len(password) > maxPassword {
		password = ""
	}
	release, err := p.take(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	if hash == "" {
		_, err = argon2id.ComparePasswordAndHash(norm.NFKC.String(password), noHash)
		return false, err
	}
	return argon2id.ComparePasswordAndHash(norm.NFKC.String(password), hash)
}

// MinPassword is how many characters a password must have.
const MinPassword = 12

const (
	maxPassword = 512 // bytes
	minDistinct = 5   // different characters in a password
)

//go:embed common-passwords.txt
var commonText string

// common are passwords that everyone tries first, and words that a password may not only consist of, in lower case.
var common = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(commonText) {
		m[strings.TrimSpace(line)] = true
	}
	return m
})

// CheckPassword returns fault.Invalid if a person should not have this password.
func CheckPassword(password, login, person string) error {
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return fault.E(fault.Invalid, "password: use at least %d characters; several words are good", MinPassword)
	case len(password) > maxPassword:
		return fault.E(fault.Invalid, "password: use at most %d bytes", maxPassword)
	}
	folded := lists.FoldPerson(password)
	distinct := map[rune]bool{}
	for _, r := range folded {
		distinct[r] = true
	}
	word := strings.TrimRight(folded, "0123456789!?.*#$@_+- ")
	if len(distinct) < minDistinct || common()[folded] || common()[word] || common()[strings.ReplaceAll(folded, " ", "")] {
		return fault.E(fault.Invalid, "password: this is one of the first that an attacker tries")
	}
	local, _, _ := strings.Cut(login, "@")
	for _, name := range []string{login, local, person} {
		if f := lists.FoldPerson(name); len(f) >= 3 && strings.Contains(folded, f) && utf8.RuneCountInString(strings.ReplaceAll(folded, f, "")) < MinPassword {
			return fault.E(fault.Invalid, "password: it is little more than your own name")
		}
	}
	return nil
}
