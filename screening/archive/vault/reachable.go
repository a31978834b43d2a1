package vault

import (
	"context"

	"interdict/lists/fault"
)

// Reachable returns an error if the bucket cannot be read now. It asks for one object, whether that exists or not.
func (v *Vault) Reachable(ctx context.Context) error {
	if _, err := v.bucket.Stat(ctx, "reachable"); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}
