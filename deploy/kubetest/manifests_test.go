package kubetest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func TestPodsFitTheRestrictedProfile(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	eachWorkload(t, func(t *testing.T, _ rendered, w workload) {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &w.pod.ObjectMeta, &w.pod.Spec))
		if !result.Allowed {
			t.Errorf("the restricted profile refuses it: %s: %s", result.ForbiddenReason(), result.ForbiddenDetail())
		}
	})
}

func TestNamespaceEnforcesTheRestrictedProfile(t *testing.T) {
	for _, folder := range folders(t) {
		r := render(t, folder)
		if len(r.namespaces) != 1 {
			t.Fatalf("%s makes %d namespaces", folder, len(r.namespaces))
		}
		namespace := r.namespaces[0]
		for _, mode := range []string{"enforce", "warn", "audit"} {
			if got := namespace.Labels["pod-security.kubernetes.io/"+mode]; got != "restricted" {
				t.Errorf("%s: pod security %s is %q", folder, mode, got)
			}
		}
		if !slices.ContainsFunc(r.policies, func(p *networkingv1.NetworkPolicy) bool {
			return len(p.Spec.PodSelector.MatchLabels)+len(p.Spec.Ingress)+len(p.Spec.Egress) == 0 && len(p.Spec.PolicyTypes) == 2
		}) {
			t.Errorf("%s: what no policy names is not denied", folder)
		}
		for _, object := range r.objects {
			meta, ok := object.(metav1.Object)
			if !ok || meta == metav1.Object(namespace) {
				continue
			}
			if meta.GetNamespace() != namespace.Name {
				t.Errorf("%s: %s is in namespace %q, outside the profile", folder, meta.GetName(), meta.GetNamespace())
			}
		}
		for _, w := range r.workloads {
			if image := w.pod.Spec.Containers[0].Image; w.ours() && !strings.HasPrefix(image, "registry.example/interdict:") {
				t.Errorf("%s: %s has the image %s: its kustomization does not replace it", folder, w, image)
			}
		}
	}
}

// What the restricted profile does not ask for, and we do.
func TestPodsAreHardened(t *testing.T) {
	eachWorkload(t, func(t *testing.T, r rendered, w workload) {
		spec := w.pod.Spec
		if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
			t.Error("the pod gets a service account token that nobody uses")
		}
		if !r.names["ServiceAccount/"+spec.ServiceAccountName] {
			t.Errorf("service account %q is not made here", spec.ServiceAccountName)
		}
		if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
			t.Error("enableServiceLinks puts INTERDICT_PORT and its like among our own variables")
		}
		if len(spec.InitContainers) != 0 {
			t.Error("init containers are not looked at by these tests")
		}
		for _, c := range spec.Containers {
			if c.SecurityContext == nil || c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
				t.Errorf("%s may write to its root", c.Name)
			}
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
				t.Errorf("%s requests no cpu or no memory", c.Name)
			}
			limit := c.Resources.Limits.Memory()
			if limit.IsZero() {
				t.Errorf("%s has no memory limit", c.Name)
			}
			if !c.Resources.Limits.Cpu().IsZero() {
				t.Errorf("%s has a cpu limit: throttling shows as latency", c.Name)
			}
			disk := c.Resources.Limits.StorageEphemeral()
			for _, v := range spec.Volumes {
				if v.EmptyDir != nil {
					if v.EmptyDir.SizeLimit == nil || v.EmptyDir.SizeLimit.Cmp(*disk) > 0 {
						t.Errorf("volume %s may take %s of the node's disk, and the container has a limit of %s", v.Name, v.EmptyDir.SizeLimit, disk)
					}
				}
			}
			if disk.IsZero() {
				t.Errorf("%s may fill the node's disk", c.Name)
			}
			if w.ours() {
				mib, err := strconv.ParseInt(strings.TrimSuffix(variables(c)["GOMEMLIMIT"], "MiB"), 10, 64)
				if err != nil || mib<<20 < limit.Value()/2 || mib<<20 > limit.Value()*95/100 {
					t.Errorf("%s: GOMEMLIMIT %q does not fit the limit of %s", c.Name, variables(c)["GOMEMLIMIT"], limit)
				}
			}
		}
	})
}

// Start and life ask nothing that depends on others; /readyz says whether checks are answered.
func TestProbesAskWhatTheyShould(t *testing.T) {
	eachWorkload(t, func(t *testing.T, _ rendered, w workload) {
		for _, c := range w.pod.Spec.Containers {
			if !w.server() {
				if c.StartupProbe != nil || c.LivenessProbe != nil || c.ReadinessProbe != nil {
					t.Errorf("%s runs and ends, and has a probe", c.Name)
				}
				continue
			}
			for name, probe := range map[string]struct {
				probe *corev1.Probe
				path  string
			}{
				// not /readyz: a store without an active list would never start, and could never be given one
				"startup":   {c.StartupProbe, "/livez"},
				"liveness":  {c.LivenessProbe, "/livez"},
				"readiness": {c.ReadinessProbe, "/readyz"},
			} {
				switch {
				case probe.probe == nil:
					t.Errorf("%s has no %s probe", c.Name, name)
				case !w.ours():
				case probe.probe.HTTPGet == nil:
					t.Errorf("%s: its %s probe asks no HTTP", c.Name, name)
				case probe.probe.HTTPGet.Path != probe.path:
					t.Errorf("%s: its %s probe asks %s, not %s", c.Name, name, probe.probe.HTTPGet.Path, probe.path)
				case (probe.probe.HTTPGet.Scheme == corev1.URISchemeHTTPS) != (variables(c)["INTERDICT_TLS_CERT"] != ""):
					t.Errorf("%s: its %s probe speaks %s", c.Name, name, probe.probe.HTTPGet.Scheme)
				case portNumber(c, probe.probe.HTTPGet.Port) != listenPort(t, c.Args, "--listen"):
					t.Errorf("%s: its %s probe asks port %s, where no probe is served", c.Name, name, probe.probe.HTTPGet.Port.String())
				}
			}
			drain, err := time.ParseDuration(variables(c)["INTERDICT_DRAIN_DELAY"])
			if grace := w.pod.Spec.TerminationGracePeriodSeconds; w.ours() && (err != nil || grace == nil || time.Duration(*grace)*time.Second < drain+25*time.Second) {
				t.Errorf("%s is killed before it has drained for %s and finished open requests in 20 s (%v)", c.Name, drain, err)
			}
			if w.ours() && portNumber(c, intstr.FromString("admin")) != listenPort(t, c.Args, "--admin-listen") {
				t.Errorf("%s: its port admin is not --admin-listen", c.Name)
			}
		}
	})
}

// A decision is on the journal's disk before its answer, so that disk must outlive the pod.
func TestStateOutlivesThePod(t *testing.T) {
	eachWorkload(t, func(t *testing.T, _ rendered, w workload) {
		if !w.server() {
			return
		}
		if !w.ours() {
			if len(w.claims) == 0 {
				t.Error("its data is gone with the pod")
			}
			return
		}
		c := w.pod.Spec.Containers[0]
		vars := variables(c)
		kept := func(path string) bool {
			return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
				return w.claims[m.Name] && (path == m.MountPath || strings.HasPrefix(path, m.MountPath+"/"))
			})
		}
		data, embedded := vars["INTERDICT_DATA"], vars["INTERDICT_REDIS_FILE"]+vars["INTERDICT_REDIS"] == ""
		switch {
		case !kept(data):
			t.Errorf("the folder %q of the journal, and of the cache or the embedded store, is gone with the pod", data)
		case vars["INTERDICT_JOURNAL"] != "" && !kept(vars["INTERDICT_JOURNAL"]):
			t.Errorf("the journal %q is gone with the pod", vars["INTERDICT_JOURNAL"])
		case w.kind != "StatefulSet":
			t.Error("replicas share one journal, which has one writer, and an update starts the second process while the first holds the store's file")
		case embedded && (w.replicas != 1 || w.scaled):
			t.Errorf("%d replicas on an embedded store, which one process holds", w.replicas)
		case !embedded && w.replicas < 2:
			t.Errorf("%d replica on a shared store", w.replicas)
		}
	})
}

func TestMountsAndSecretsMeet(t *testing.T) {
	eachWorkload(t, func(t *testing.T, _ rendered, w workload) {
		volumes := map[string]bool{}
		for _, v := range w.pod.Spec.Volumes {
			volumes[v.Name] = true
		}
		for name := range w.claims {
			volumes[name] = true
		}
		mounted := map[string]bool{}
		for _, c := range w.pod.Spec.Containers {
			for _, m := range c.VolumeMounts {
				mounted[m.Name] = true
				if !volumes[m.Name] {
					t.Errorf("%s mounts %s, which is no volume", c.Name, m.Name)
				}
			}
			for name, value := range variables(c) {
				if !strings.HasSuffix(name, "_FILE") {
					continue
				}
				if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return strings.HasPrefix(value, m.MountPath+"/") }) {
					t.Errorf("%s: %s is %s, where nothing is mounted", c.Name, name, value)
				}
			}
		}
		for name := range volumes {
			if !mounted[name] {
				t.Errorf("volume %s is not mounted", name)
			}
		}
	})
}

func TestNamesMeet(t *testing.T) {
	eachChart(t, func(t *testing.T, _ string, r rendered) {
		for _, w := range r.workloads {
			if w.selector != nil && !selector(t, w.selector).Matches(labels.Set(w.pod.Labels)) {
				t.Errorf("%s does not select its own pods", w)
			}
			if w.kind == "StatefulSet" && !r.names["Service/"+w.service] {
				t.Errorf("%s names the service %q, which is not made", w, w.service)
			}
			if w.ours() && w.server() && (len(w.pod.Spec.TopologySpreadConstraints) == 2) != (w.replicas > 1) {
				t.Errorf("%s has %d constraints that spread %d replicas over nodes and zones", w, len(w.pod.Spec.TopologySpreadConstraints), w.replicas)
			}
			for _, constraint := range w.pod.Spec.TopologySpreadConstraints {
				if found := r.find(selector(t, constraint.LabelSelector)); len(found) != 1 || found[0].String() != w.String() {
					t.Errorf("%s is spread against %v", w, found)
				}
			}
			for _, c := range w.pod.Spec.Containers {
				if store := variables(c)["INTERDICT_REDIS"]; store != "" {
					u, err := url.Parse(store)
					if err != nil || !slices.ContainsFunc(r.services, func(s *corev1.Service) bool { return u.Hostname() == s.Name && servesPort(s, u.Port(), "redis") }) {
						t.Errorf("%s keeps its lists in %s, which is no service", w, store)
					}
				}
				server := flagOf(c.Args, "--server")
				if server == "" {
					continue
				}
				u, err := url.Parse(server)
				if err != nil || !slices.ContainsFunc(r.services, func(s *corev1.Service) bool {
					return u.Hostname() == s.Name && servesPort(s, u.Port(), u.Scheme) && s.Spec.PublishNotReadyAddresses
				}) {
					t.Errorf("%s loads into %s, which reaches no replica that waits for its first list", w, server)
				}
			}
		}
		for _, s := range r.services {
			found := r.find(labels.SelectorFromSet(s.Spec.Selector))
			if len(found) != 1 {
				t.Errorf("service %s selects %v", s.Name, found)
				continue
			}
			for _, port := range s.Spec.Ports {
				if portNumber(found[0].pod.Spec.Containers[0], port.TargetPort) != port.Port {
					t.Errorf("service %s, port %s: no such port in the pod", s.Name, port.Name)
				}
			}
		}
		for _, b := range r.budgets {
			if found := r.find(selector(t, b.Spec.Selector)); len(found) != 1 || found[0].replicas < 2 {
				t.Errorf("budget %s holds %v: one workload of several replicas was expected", b.Name, found)
			}
		}
		for _, s := range r.scalers {
			i := slices.IndexFunc(r.workloads, func(w workload) bool { return w.String() == s.target })
			if i < 0 || !r.workloads[i].scaled || len(r.budgets) != 1 || s.min > s.max {
				t.Errorf("%s scales %s from %d to %d: a workload without a number of its own and with a budget was expected", s.name, s.target, s.min, s.max)
			}
		}
		for _, m := range r.monitors {
			i := slices.IndexFunc(r.services, func(s *corev1.Service) bool { return selector(t, &m.Spec.Selector).Matches(labels.Set(s.Labels)) })
			if i < 0 || len(m.Spec.Endpoints) != 1 || portOf(r.services[i], m.Spec.Endpoints[0].Port) != 9090 || !r.services[i].Spec.PublishNotReadyAddresses {
				t.Errorf("monitor %s scrapes the metrics of some replicas only", m.Name)
			}
		}
		for _, in := range r.ingresses {
			backend := in.Spec.Rules[0].HTTP.Paths[0].Backend.Service
			if i := slices.IndexFunc(r.services, func(s *corev1.Service) bool { return s.Name == backend.Name }); i < 0 || r.services[i].Spec.PublishNotReadyAddresses ||
				portOf(r.services[i], backend.Port.Name) != 8080 {
				t.Errorf("ingress %s leads to %s, port %s", in.Name, backend.Name, backend.Port.Name)
			}
		}
		for _, route := range r.routes {
			backend := route.Spec.Rules[0].BackendRefs[0]
			if !r.names["Service/"+string(backend.Name)] || *backend.Port != 8080 {
				t.Errorf("route %s leads to %s, port %d", route.Name, backend.Name, *backend.Port)
			}
		}
	})
}

// find returns the workloads whose pods a selector matches.
func (r rendered) find(selector labels.Selector) []workload {
	var found []workload
	for _, w := range r.workloads {
		if selector.Matches(labels.Set(w.pod.Labels)) {
			found = append(found, w)
		}
	}
	return found
}

func selector(t *testing.T, s *metav1.LabelSelector) labels.Selector {
	t.Helper()
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNoNetworkIsOpenThatNoPolicyNames(t *testing.T) {
	eachChart(t, func(t *testing.T, _ string, r rendered) {
		denied := map[string]bool{}
		for _, p := range r.policies {
			found := r.find(selector(t, &p.Spec.PodSelector))
			switch {
			case len(p.Spec.Ingress)+len(p.Spec.Egress) == 0 && len(p.Spec.PolicyTypes) == 2:
				for _, w := range found {
					denied[w.String()] = true
				}
			case len(found) != 1:
				t.Errorf("network policy %s is about %v", p.Name, found)
			default:
				for _, in := range p.Spec.Ingress {
					if len(in.From) == 0 || len(in.Ports) == 0 {
						t.Errorf("network policy %s opens everything", p.Name)
					}
					for _, port := range in.Ports {
						if portNumber(found[0].pod.Spec.Containers[0], *port.Port) == 0 {
							t.Errorf("network policy %s opens port %s, which the pod has not", p.Name, port.Port)
						}
					}
				}
			}
		}
		for _, w := range r.workloads {
			if !denied[w.String()] {
				t.Errorf("what no policy names is not denied to %s", w)
			}
		}
	})
}

// A server reaches what its settings name, and nothing else.
func TestEgressFollowsTheSettings(t *testing.T) {
	got := map[string][]string{}
	eachChart(t, func(t *testing.T, name string, r rendered) {
		for _, p := range r.policies {
			for _, out := range p.Spec.Egress {
				var to []string
				for _, port := range out.Ports {
					to = append(to, port.Port.String())
				}
				where := "anywhere"
				switch {
				case len(out.To) == 0:
				case out.To[0].PodSelector != nil:
					where = out.To[0].PodSelector.MatchLabels["app.kubernetes.io/component"]
				case out.To[0].NamespaceSelector != nil:
					where = out.To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]
				case out.To[0].IPBlock.CIDR == "0.0.0.0/0":
					where = "outside"
				default:
					where = out.To[0].IPBlock.CIDR
				}
				got[name+" "+p.Name] = append(got[name+" "+p.Name], where+" "+strings.Join(to, " "))
			}
		}
	})
	const dns = "kube-system 53 53"
	if diff := cmp.Diff(map[string][]string{
		"edge interdict-server":        {dns, "10.20.2.0/24 443"},
		"default interdict-server":     {dns, "anywhere 6379 6380 26379", "outside 443"},
		"flags screening-server":       {dns, "redis 6379", "postgresql 5432", "outside 443", "egress 3128"},
		"production interdict-loader":  {dns, "server api", "outside 443"},
		"production interdict-server":  {dns, "10.20.0.0/24 6380", "10.20.1.0/24 5432", "anywhere 443", "10.20.2.0/24 443", "anywhere 443"}, // bucket, published lists, identity provider
		"redis-trial interdict-server": {dns, "redis 6379", "outside 443"},
		"single interdict-server":      {dns, "outside 443"},
	}, got); diff != "" {
		t.Errorf("egress (-want +got):\n%s", diff)
	}
}

// What an administrator asks for is there, with the numbers that were given.
func TestFlagsOfTheChart(t *testing.T) {
	files := valueFiles(t)
	got := map[string][]string{}
	for name, file := range files {
		r := renderChart(t, name, file)
		for _, object := range r.objects {
			kind := object.GetObjectKind().GroupVersionKind().Kind
			switch kind {
			case "ServiceAccount", "NetworkPolicy", "Service":
			default:
				meta, ok := object.(metav1.Object)
				if !ok {
					t.Fatalf("%T has no metadata", object)
				}
				got[name] = append(got[name], kind+"/"+meta.GetName())
			}
		}
		slices.Sort(got[name])
		for _, s := range r.scalers {
			got[name] = append(got[name], fmt.Sprintf("%d–%d", s.min, s.max))
		}
	}
	want := map[string][]string{
		"default":     {"HorizontalPodAutoscaler/interdict", "PodDisruptionBudget/interdict", "StatefulSet/interdict", "2–6"},
		"redis-trial": {"HorizontalPodAutoscaler/interdict", "PodDisruptionBudget/interdict", "StatefulSet/interdict", "StatefulSet/interdict-redis", "2–6"},
		"single":      {"StatefulSet/interdict"},
		"edge":        {"StatefulSet/interdict"},
		"flags": {"HTTPRoute/screening", "PodDisruptionBudget/screening", "ScaledObject/screening", "ServiceMonitor/screening", "StatefulSet/screening",
			"StatefulSet/screening-postgresql", "StatefulSet/screening-redis", "2–6"},
	}
	want["production"] = []string{"ConfigMap/interdict-dashboard", "CronJob/interdict-load-ofac-sdn", "HorizontalPodAutoscaler/interdict", "Ingress/interdict",
		"PodDisruptionBudget/interdict", "PrometheusRule/interdict", "ServiceMonitor/interdict", "StatefulSet/interdict", "3–12"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	server := func(name string) corev1.Container {
		for _, w := range renderChart(t, name, files[name]).workloads {
			if w.ours() && w.server() {
				return w.pod.Spec.Containers[0]
			}
		}
		t.Fatalf("no server in %s", name)
		return corev1.Container{}
	}
	flags, production := server("flags"), variables(server("production"))
	if want := "interdict:0.1.0@sha256:" + strings.Repeat("0123456789abcdef", 4); flags.Image != want {
		t.Errorf("the image is %s, not %s", flags.Image, want)
	}
	for name, want := range map[string]string{"GOMEMLIMIT": "1228MiB", "INTERDICT_DRAIN_DELAY": "15s", "INTERDICT_PEPPER_FILE": "/mnt/secrets/pepper",
		"INTERDICT_CHECKS_PER_SECOND": "2.5", "INTERDICT_UPLOAD_SPACE": "512"} {
		if got := variables(flags)[name]; got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"INTERDICT_REFRESH": "false", "INTERDICT_RESIDENT": "512",
		"INTERDICT_OIDC_ROLES": "screening-analysts=analyst,screening-leads=approver"} {
		if got := production[name]; got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
}

// variables are a container's plain environment variables.
func variables(c corev1.Container) map[string]string {
	out := map[string]string{}
	for _, v := range c.Env {
		out[v.Name] = v.Value
	}
	return out
}

// flagOf is the value of --name=value or --name value, "" without.
func flagOf(args []string, name string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
		if arg == name && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// listenPort is the port of --listen=:8080, which must be open to other pods: no host.
func listenPort(t *testing.T, args []string, name string) int32 {
	t.Helper()
	port, ok := strings.CutPrefix(flagOf(args, name), ":")
	number, err := strconv.ParseInt(port, 10, 32)
	if !ok || err != nil {
		t.Fatalf("%s is %q, a port on every address was expected", name, flagOf(args, name))
	}
	return int32(number)
}

// portNumber resolves a port of the container by name or number, 0 when it has none such.
func portNumber(c corev1.Container, port intstr.IntOrString) int32 {
	for _, p := range c.Ports {
		if p.Name == port.StrVal && port.Type == intstr.String || p.ContainerPort == port.IntVal && port.Type == intstr.Int {
			return p.ContainerPort
		}
	}
	return 0
}

func servesPort(s *corev1.Service, port, name string) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return strconv.Itoa(int(p.Port)) == port && p.Name == name })
}

// portOf is the number of a service's port, 0 when it has none of that name.
func portOf(s *corev1.Service, name string) int32 {
	for _, p := range s.Spec.Ports {
		if p.Name == name {
			return p.Port
		}
	}
	return 0
}
