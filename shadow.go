package main

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"interdict/api"
)

// shadowFlags name the services that are asked as well when a drop-in endpoint is.
type shadowFlags struct {
	ShadowChainalysis    string `help:"Shadow mode: ask Chainalysis' free API as well what its drop-in endpoint is asked, and record differences: https://public.chainalysis.com." placeholder:"URL"`
	ShadowChainalysisKey string `help:"Its key; better as INTERDICT_SHADOW_CHAINALYSIS_KEY_FILE." placeholder:"KEY"`
	ShadowTRM            string `name:"shadow-trm" help:"The same for TRM: https://api.trmlabs.com." placeholder:"URL"`
	ShadowTRMKey         string `name:"shadow-trm-key" help:"Its key, if you have one." placeholder:"KEY"`
	ShadowScorechain     string `help:"The same for Scorechain: https://sanctions.api.scorechain.com." placeholder:"URL"`
	ShadowScorechainKey  string `help:"Its key." placeholder:"KEY"`
}

// originals returns the services by their names.
func (f *shadowFlags) originals() (map[string]api.Original, error) {
	out := map[string]api.Original{}
	given := map[string]api.Original{"chainalysis": {URL: f.ShadowChainalysis, Key: f.ShadowChainalysisKey}, "trm": {URL: f.ShadowTRM, Key: f.ShadowTRMKey},
		"scorechain": {URL: f.ShadowScorechain, Key: f.ShadowScorechainKey}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		o := given[name]
		if o.URL == "" {
			if o.Key != "" {
				errs = append(errs, usage("--shadow-%s-key needs --shadow-%s", name, name))
			}
			continue
		}
		u, err := url.Parse(o.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
			errs = append(errs, usage("--shadow-%s must be an http or https URL without user and query", name))
			continue
		}
		o.URL = strings.TrimSuffix(o.URL, "/")
		out[name] = o
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}
