// Smoke asks a service with the generated clients and prints what they read as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"interdict/api/oapicodegen/testdata/smoke/checks"
	"interdict/api/oapicodegen/testdata/smoke/whole"
)

const listed, clean = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func with(key string) func(context.Context, *http.Request) error {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}
}

func main() {
	ctx, out := context.Background(), map[string]any{}
	url, key := os.Getenv("INTERDICT_URL"), os.Getenv("INTERDICT_TEST_KEY")
	client := must(checks.NewClientWithResponses(url, checks.WithRequestEditorFn(with(key))))
	network := "ethereum"
	hit := must(client.CheckWithResponse(ctx, checks.Check{Address: listed, Network: &network, Direction: checks.Withdrawal}))
	out["hit"] = []any{hit.StatusCode(), hit.JSON200.Result, hit.JSON200.Action}
	question := checks.Check{Address: clean, Direction: checks.Deposit}
	miss := must(client.CheckWithResponse(ctx, question))
	out["miss"] = []any{miss.StatusCode(), miss.JSON200.Result, miss.JSON200.Action}

	wrong := checks.Check{Address: clean[:33] + "b", Direction: checks.Deposit}
	batch := must(client.ChecksWithResponse(ctx, checks.Checks{Checks: []checks.Check{question, wrong, {Address: listed, Direction: checks.Deposit}}}))
	results := []any{}
	for _, item := range batch.JSON200.Results {
		switch v := must(item.ValueByDiscriminator()).(type) {
		case checks.CheckAnswer:
			results = append(results, v.Result)
		case checks.ItemError:
			results = append(results, fmt.Sprint(v.Result, " ", v.Error.Code))
		}
	}
	out["batch"] = results
	mistaken := must(batch.JSON200.Results[1].AsCheckAnswer())
	out["mistaken"] = []any{mistaken.Result, mistaken.Action}

	stranger := must(checks.NewClientWithResponses(url, checks.WithRequestEditorFn(with("ik_wrong"))))
	refused := must(stranger.CheckWithResponse(ctx, question))
	out["wrong key"] = []any{refused.StatusCode(), refused.ApplicationproblemJSON401.Code}
	empty := must(checks.NewClientWithResponses(os.Getenv("INTERDICT_EMPTY_URL"), checks.WithRequestEditorFn(with(os.Getenv("INTERDICT_EMPTY_KEY")))))
	none := must(empty.CheckWithResponse(ctx, question))
	out["no lists"] = []any{none.StatusCode(), none.ApplicationproblemJSON503.Code, none.Headers503.RetryAfter}

	all := must(whole.NewClientWithResponses(url, whole.WithRequestEditorFn(with(key))))
	lists := must(all.GetListsWithResponse(ctx, nil))
	out["lists"] = []any{lists.StatusCode(), lists.JSON200.Lists[0].Id}
	must(0, json.NewEncoder(os.Stdout).Encode(out))
}
