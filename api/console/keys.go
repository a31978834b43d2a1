package console

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"interdict/api/client"
)

func (c *Console) addKeys() {
	c.staff("GET /console/keys", (*page).keys)
	c.staff("POST /console/keys", (*page).changeKeys)
}

// keysPage is what the page of the keys shows.
type keysPage struct {
	Keys []apiKey
	Once *once
}

// apiKey is a key with its state in words.
type apiKey struct {
	client.Key
	State string // active, expired, revoked
	Old   bool   // the text before the last rotation still works
}

func (p *page) keys() error { return p.showKeys(nil) }

func (p *page) showKeys(secret *once) error {
	all, err := p.allKeys()
	if err != nil {
		return err
	}
	return p.show("keys", "API keys", keysPage{all, secret})
}

// allKeys returns the keys: those that work first, then by name.
func (p *page) allKeys() ([]apiKey, error) {
	all, err := p.api.AllKeys(p.r.Context())
	if err != nil {
		return nil, err
	}
	now, out := time.Now(), make([]apiKey, len(all))
	for i := range all {
		k := apiKey{Key: all[i], State: "active", Old: all[i].OldUntil != nil && all[i].OldUntil.After(now)}
		switch {
		case k.RevokedAt != nil:
			k.State = "revoked"
		case k.Expires != nil && !k.Expires.After(now):
			k.State = "expired"
		}
		out[i] = k
	}
	slices.SortStableFunc(out, func(a, b apiKey) int { return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Name, b.Name)) })
	return out, nil
}

// changeKeys makes, rotates or revokes a key.
func (p *page) changeKeys() error {
	ctx, id := p.r.Context(), p.text("id")
	var err error
	var secret *once
	var made *client.NewKey
	switch p.text("do") {
	case "rotate":
		overlap := p.text("overlap")
		made, err = p.api.RotateKey(ctx, id, client.Rotation{Overlap: &overlap, Reason: p.text("reason")})
		secret, err = onceOf("key", p.text("name"), textOf(made), err)
	case "revoke":
		if p.text("confirm") == "" {
			err = missing("revoke", "confirm that the key is to end")
		} else {
			err = p.api.RevokeKey(ctx, id)
		}
	default:
		var r *client.KeyRequest
		if r, err = p.newKey(); err == nil {
			made, err = p.api.CreateKey(ctx, *r)
			secret, err = onceOf("key", r.Name, textOf(made), err)
		}
	}
	if secret != nil {
		p.r.PostForm = nil // the form is done
		return p.showKeys(secret)
	}
	if err = p.changed(err, "/console/keys", "The key was revoked, and works no more."); err == nil {
		return nil
	}
	all, failed := p.allKeys()
	if failed != nil {
		return failed
	}
	return p.showWrong("keys", "API keys", keysPage{Keys: all}, err)
}

// newKey reads the form for a new key.
func (p *page) newKey() (*client.KeyRequest, error) {
	if err := p.need("name"); err != nil {
		return nil, err
	}
	r := &client.KeyRequest{Name: p.text("name"), Person: p.text("person"), Roles: p.form()["roles"], Lists: p.several("lists"), CIDRs: p.several("cidrs"),
		Certificate: p.text("certificate"), Reason: p.text("reason")}
	var err error
	if r.Expires, err = p.lastDay("expires"); err != nil {
		return nil, err
	}
	if text := p.text("checks_per_second"); text != "" {
		if r.ChecksPerSecond, err = strconv.ParseFloat(text, 64); err != nil {
			return nil, missing("checks_per_second", "write a number such as 50")
		}
	}
	return r, nil
}

func textOf(made *client.NewKey) string {
	if made == nil {
		return ""
	}
	return made.Text
}
