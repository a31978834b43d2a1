package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"interdict/lists"
	"interdict/lists/fault"
)

// Codes of an authenticator (RFC 6238): SHA-1, 6 digits, 30 seconds, as every authenticator app supports them.
const (
	totpPeriod = 30
	totpDigits = 6
	totpSkew   = 1  // steps that the clock of the phone may differ
	totpSecret = 20 // bytes
)

// recoveryCodes is how many recovery codes a person gets.
const recoveryCodes = 10

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// newTOTP returns a new secret with the URI and the QR code that an authenticator app reads.
func newTOTP(login string, secret []byte) (Authenticator, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Interdict", AccountName: login, Secret: secret, Period: totpPeriod})
	if err != nil {
		return Authenticator{}, fault.E(fault.Internal, "make a secret for an authenticator: %w", err)
	}
	return Authenticator{Secret: key.Secret(), URI: key.URL(), key: key}, nil
}

// stepOf returns the time step of a code, if it is right now and later than the last one that was used; a code works once.
func stepOf(secret, code string, now time.Time, used int64) (step int64, ok bool) {
	current := now.Unix() / totpPeriod
	for s := current - totpSkew; s <= current+totpSkew; s++ {
		want, err := hotp.GenerateCode(secret, uint64(s)) //nolint:gosec // G115: the time is after 1970
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > used {
			step, ok = s, true
		}
	}
	return step, ok
}

// newRecovery returns recovery codes of 80 random bits each, and their hashes.
func newRecovery() (codes []string, sums [][]byte) {
	for range recoveryCodes {
		b := make([]byte, 10)
		rand.Read(b)
		t := strings.ToLower(base32Text.EncodeToString(b))
		codes = append(codes, t[:4]+"-"+t[4:8]+"-"+t[8:12]+"-"+t[12:])
		sums = append(sums, hashOf(t))
	}
	return codes, sums
}

// redeem checks the second factor of an account, a code of its authenticator or one of its recovery codes, and marks it as used in account.
func redeem(account *lists.Account, code string, now time.Time) (ok bool) {
	code = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(code))
	if len(code) == totpDigits {
		step, ok := stepOf(account.TOTP, code, now, account.TOTPUsed)
		if ok {
			account.TOTPUsed = step
		}
		return ok && account.TOTP != ""
	}
	sum := hashOf(code)
	i := slices.IndexFunc(account.Recovery, func(x []byte) bool { return subtle.ConstantTimeCompare(x, sum) == 1 })
	if i < 0 {
		return false
	}
	account.Recovery = slices.Delete(slices.Clone(account.Recovery), i, i+1)
	return true
}
