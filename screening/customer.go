package screening

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// Customers protects the customer of a check before it is recorded. The same customer always becomes the same text, so that its checks
// can be found. Nil keeps it plain.
type Customers struct {
	hash []byte      // key of the HMAC
	seal cipher.AEAD // nil: only the HMAC is kept
}

// The first parts of protected texts.
const (
	hashedCustomer    = "hmac-sha256:"
	encryptedCustomer = "aes-256-gcm:"
)

// minCustomerKey is the shortest key: with a shorter one, customers could be tried out.
const minCustomerKey = 32

// NewCustomers returns the protection of a name: plain (nil), hash, or encrypt. The key has at least 32 bytes.
func NewCustomers(how, key string) (*Customers, error) {
	switch {
	case how == "plain" && key == "":
		return nil, nil
	case how == "plain":
		return nil, fault.E(fault.Invalid, "a key for customers is given, but they are kept plain")
	case len(key) < minCustomerKey:
		return nil, fault.E(fault.Invalid, "the key for customers has %d bytes; it must have at least %d", len(key), minCustomerKey)
	}
	c := &Customers{hash: derive(key, "customer hash")}
	if how == "hash" {
		return c, nil
	}
	block, err := aes.NewCipher(derive(key, "customer encryption"))
	if err != nil {
		return nil, fault.E(fault.Internal, "key for customers: %w", err)
	}
	if c.seal, err = cipher.NewGCM(block); err != nil {
		return nil, fault.E(fault.Internal, "key for customers: %w", err)
	}
	return c, nil
}

// derive returns a key of 32 bytes for one purpose.
func derive(key, purpose string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

// Protect returns the text for the record.
func (c *Customers) Protect(customer string) string {
	customer = address.Recordable(customer)
	if c == nil || customer == "" {
		return customer
	}
	h := hmac.New(sha256.New, c.hash)
	h.Write([]byte(customer))
	sum := h.Sum(nil)
	if c.seal == nil {
		return hashedCustomer + hex.EncodeToString(sum[:16])
	}
	nonce := sum[:c.seal.NonceSize()] // of the text itself: the same text has the same nonce, and another text another one
	return encryptedCustomer + base64.RawURLEncoding.EncodeToString(c.seal.Seal(nonce, nonce, []byte(customer), nil))
}

// Reveal is the inverse of Protect where there is one: for texts that were encrypted with this key. Others are returned as they are.
func (c *Customers) Reveal(recorded string) string {
	text, ok := strings.CutPrefix(recorded, encryptedCustomer)
	if !ok || c == nil || c.seal == nil {
		return recorded
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if n := c.seal.NonceSize(); err == nil && len(b) >= n {
		if plain, err := c.seal.Open(nil, b[:n], b[n:], nil); err == nil {
			return string(plain)
		}
	}
	return recorded
}
