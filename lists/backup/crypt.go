package backup

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"filippo.io/age"

	"interdict/lists/fault"
)

// Secrets encrypt and decrypt a backup, in the format of age (age-encryption.org/v1). The zero value leaves it in the clear.
type Secrets struct {
	Passphrase string
	// Recipients are public keys, "age1…", that a backup is encrypted to. It cannot be read with them.
	Recipients []string
	// Identities are private keys, "AGE-SECRET-KEY-1…", one a line, that decrypt it.
	Identities string
}

const ageMagic = "age-encryption.org/"

// Encrypts reports whether a backup is written encrypted.
func (s Secrets) Encrypts() bool { return s.Passphrase != "" || len(s.Recipients) > 0 }

// recipients returns what a backup is encrypted to.
func (s Secrets) recipients() ([]age.Recipient, error) {
	if s.Passphrase == "" {
		all, err := age.ParseRecipients(strings.NewReader(strings.Join(s.Recipients, "\n")))
		if err != nil {
			return nil, fault.E(fault.Usage, "the recipients of the backup: %w", err)
		}
		return all, nil
	}
	if len(s.Recipients) > 0 {
		return nil, fault.E(fault.Usage, "a backup is encrypted with a passphrase or to recipients, not both")
	}
	r, err := age.NewScryptRecipient(s.Passphrase)
	if err != nil {
		return nil, fault.E(fault.Usage, "the passphrase of the backup: %w", err)
	}
	return []age.Recipient{r}, nil
}

// seal returns a writer that encrypts, if that is asked for. Close writes the end, and leaves w open.
func (s Secrets) seal(w io.Writer) (io.WriteCloser, error) {
	if !s.Encrypts() {
		return open{w}, nil
	}
	to, err := s.recipients()
	if err != nil {
		return nil, err
	}
	return age.Encrypt(w, to...)
}

type open struct{ io.Writer }

func (open) Close() error { return nil }

// unseal returns a reader of what was sealed.
func (s Secrets) unseal(in io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 64<<10)
	if head, _ := b.Peek(len(ageMagic)); string(head) != ageMagic { // a shorter file is read, and refused, as what it is
		return b, nil
	}
	var with []age.Identity
	if s.Passphrase != "" {
		i, err := age.NewScryptIdentity(s.Passphrase)
		if err != nil {
			return nil, fault.E(fault.Usage, "the passphrase of the backup: %w", err)
		}
		with = append(with, i)
	}
	if s.Identities != "" {
		all, err := age.ParseIdentities(strings.NewReader(s.Identities))
		if err != nil {
			return nil, fault.E(fault.Usage, "the identity is not a private key of age") // the error quotes the key
		}
		with = append(with, all...)
	}
	if len(with) == 0 {
		return nil, fault.E(fault.Unauthorized, "the backup is encrypted: give its --passphrase or --identity, better as INTERDICT_PASSPHRASE_FILE or INTERDICT_IDENTITY_FILE")
	}
	out, err := age.Decrypt(b, with...)
	if errors.As(err, new(*age.NoIdentityMatchError)) {
		return nil, fault.E(fault.Unauthorized, "the backup was encrypted with another passphrase or key")
	}
	if err != nil {
		return nil, fault.E(fault.Conflict, "the backup is damaged at its beginning: %w", err)
	}
	return out, nil
}
