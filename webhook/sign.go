package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"interdict/lists/fault"
)

// secretPrefix begins a secret, which is base64 of the key (Standard Webhooks, "Signature scheme").
const secretPrefix = "whsec_"

// newSecret returns a secret of 32 random bytes. Those whose base64 has one of "+/" are not taken, so that the secret is one word for
// whoever copies it; that costs two of its 256 bits.
func newSecret() string {
	for {
		key := make([]byte, 32)
		rand.Read(key)
		if text := base64.StdEncoding.EncodeToString(key); !strings.ContainsAny(text, "+/") {
			return secretPrefix + text
		}
	}
}

// sign returns the header webhook-signature: one signature for each secret.
func sign(secrets []string, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
		if err != nil {
			return "", fault.E(fault.Unavailable, "the secret of the endpoint is damaged: rotate it")
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		h.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	return strings.Join(signatures, " "), nil
}
