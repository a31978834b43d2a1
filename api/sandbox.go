package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists/fault"
	"interdict/screening/sandbox"
)

// sandboxHeader stands in every answer of a server that has test addresses.
const sandboxHeader = "Interdict-Sandbox"

func inSandbox(c *gin.Context) { c.Header(sandboxHeader, "on") }

// sandboxProblem returns what people should know of the sandbox: that it is on, or that its list is screened although it is off; nil for neither.
func (s *Server) sandboxProblem() error {
	if s.screener.Sandbox() {
		return fault.E(fault.Conflict, "on: test addresses are listed and give errors; this server must not screen real transfers")
	}
	snap, err := s.screener.Snapshot(s.now())
	if err != nil {
		return nil //nolint:nilerr // the check of the generation says so
	}
	for _, stack := range snap.Stacks {
		if l := &stack.Active.List; l.ID == sandbox.List && l.Authority == sandbox.Authority {
			return fault.E(fault.Conflict, "off, but its list is screened: retire it with interdict lists retire %s", sandbox.List)
		}
	}
	return nil
}

// getSandbox answers all test addresses.
func (s *Server) getSandbox(c *gin.Context, _ *auth.Principal) error {
	if !s.screener.Sandbox() {
		return fault.E(fault.NotFound, "the sandbox is off")
	}
	out := client.Sandbox{Addresses: []client.SandboxAddress{}}
	for _, a := range sandbox.Addresses() {
		out.Addresses = append(out.Addresses, client.SandboxAddress{Address: a.Address, Network: a.Network, Name: a.Name, Testnet: a.Testnet, Expect: client.SandboxExpected(a.Expect)})
	}
	return render(c, http.StatusOK, out)
}
