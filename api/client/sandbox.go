package client

import (
	"context"

	"interdict/lists"
)

// Sandbox has the test addresses of a server whose sandbox is on.
type Sandbox struct {
	Addresses []SandboxAddress `json:"addresses"`
}

// SandboxAddress is a test address and what a check of it gives.
type SandboxAddress struct {
	Address string          `json:"address"`
	Network string          `json:"network"` // to be named in the check; "" for none
	Name    string          `json:"name"`
	Testnet bool            `json:"testnet,omitempty"` // written as a test network writes it
	Expect  SandboxExpected `json:"expect"`
}

// SandboxExpected is what a test address gives: a result, or the fields of an error. The class, category and confidence are those of its first
// match; Deposit and Withdrawal are the actions.
type SandboxExpected struct {
	Result        string           `json:"result"` // hit, miss or error
	Class         string           `json:"class,omitempty"`
	Category      lists.Category   `json:"category,omitempty"`
	Confidence    lists.Confidence `json:"confidence,omitempty"`
	Deposit       lists.Action     `json:"deposit,omitempty"`
	Withdrawal    lists.Action     `json:"withdrawal,omitempty"`
	Status        int              `json:"status"`
	Code          string           `json:"code,omitempty"`
	Reason        string           `json:"reason,omitempty"`
	PossibleMatch bool             `json:"possible_match,omitempty"`
	WouldMatch    bool             `json:"would_match,omitempty"`
}

// Sandbox returns the test addresses of the server. The error is fault.NotFound if its sandbox is off.
func (c *Client) Sandbox(ctx context.Context) (*Sandbox, error) {
	return one(func(out *Sandbox) error { return c.get(ctx, "/v1/sandbox", nil, out) })
}
