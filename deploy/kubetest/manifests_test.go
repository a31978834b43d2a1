package kubetest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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
		for _, object := range r.objects {
			meta, ok := object.(metav1.Object)
			if !ok || meta == metav1.Object(namespace) {
				continue
			}
			if meta.GetNamespace() != namespace.Name {
				t.Errorf("%s: %s is in namespace %q, outside the profile", folder, meta.GetName(), meta.GetNamespace())
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
			if w.ours() {
				mib, err := strconv.ParseInt(strings.TrimSuffix(variables(c)["GOMEMLIMIT"], "MiB"), 10, 64)
				if err != nil || mib<<20 < limit.Value()/2 || mib<<20 > limit.Value()*95/100 {
					t.Errorf("%s: GOMEMLIMIT %q does not fit the limit of %s", c.Name, variables(c)["GOMEMLIMIT"], limit)
				}
			}
		}
	})
}

// The probes of docs/contract.md, and who may ask which.
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
				case portNumber(c, probe.probe.HTTPGet.Port) != listenPort(t, c.Args, "--listen"):
					t.Errorf("%s: its %s probe asks port %s, where no probe is served", c.Name, name, probe.probe.HTTPGet.Port.String())
				}
			}
			if w.ours() && portNumber(c, intstr.FromString("admin")) != listenPort(t, c.Args, "--admin-listen") {
				t.Errorf("%s: its port admin is not --admin-listen", c.Name)
			}
		}
	})
}

// A decision is on the journal's disk before its answer, so that disk must outlive the pod.
func TestStateOutlivesThePod(t *testing.T) {
	eachWorkload(t, func(t *testing.T, r rendered, w workload) {
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
			for _, m := range c.VolumeMounts {
				if path != m.MountPath && !strings.HasPrefix(path, m.MountPath+"/") {
					continue
				}
				if w.claims[m.Name] {
					return true
				}
				for _, v := range w.pod.Spec.Volumes {
					if v.Name == m.Name && v.PersistentVolumeClaim != nil {
						return r.names["PersistentVolumeClaim/"+v.PersistentVolumeClaim.ClaimName]
					}
				}
			}
			return false
		}
		data, embedded := vars["INTERDICT_DATA"], vars["INTERDICT_REDIS_FILE"] == ""
		switch {
		case !kept(data):
			t.Errorf("the folder %q of the journal, and of the cache or the embedded store, is gone with the pod", data)
		case vars["INTERDICT_JOURNAL"] != "" && !kept(vars["INTERDICT_JOURNAL"]):
			t.Errorf("the journal %q is gone with the pod", vars["INTERDICT_JOURNAL"])
		case embedded && w.replicas != 1:
			t.Errorf("%d replicas on an embedded store, which one process holds", w.replicas)
		case !embedded && w.replicas < 2:
			t.Errorf("%d replica on a shared store", w.replicas)
		case w.replicas > 1 && len(w.claims) == 0:
			t.Error("replicas share one journal, which has one writer")
		}
	})
}

// A Deployment that rolls would start the second process while the first holds the store's file.
func TestEmbeddedStoreIsHeldByOnePodAtATime(t *testing.T) {
	for _, object := range render(t, kubernetes+"/overlays/single").objects {
		if d, ok := object.(*appsv1.Deployment); ok {
			if d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
				t.Errorf("its strategy is %q", d.Spec.Strategy.Type)
			}
			return
		}
	}
	t.Error("overlay single makes no Deployment")
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
	for _, folder := range folders(t) {
		r := render(t, folder)
		// pods that a selector finds
		find := func(selector labels.Selector) []workload {
			var found []workload
			for _, w := range r.workloads {
				if selector.Matches(labels.Set(w.pod.Labels)) {
					found = append(found, w)
				}
			}
			return found
		}
		selector := func(s *metav1.LabelSelector) labels.Selector {
			out, err := metav1.LabelSelectorAsSelector(s)
			if err != nil {
				t.Fatalf("%s: %v", folder, err)
			}
			return out
		}

		for _, w := range r.workloads {
			if w.selector != nil {
				if found := find(selector(w.selector)); len(found) != 1 || found[0].String() != w.String() {
					t.Errorf("%s: %s selects %v", folder, w, found)
				}
			}
			if w.kind == "StatefulSet" && !r.names["Service/"+w.service] {
				t.Errorf("%s: %s names the service %q, which is not made", folder, w, w.service)
			}
			for _, constraint := range w.pod.Spec.TopologySpreadConstraints {
				if found := find(selector(constraint.LabelSelector)); len(found) != 1 || found[0].String() != w.String() {
					t.Errorf("%s: %s is spread against %v", folder, w, found)
				}
			}
			for _, c := range w.pod.Spec.Containers {
				server, ok := strings.CutPrefix(flagOf(c.Args, "--server"), "http://")
				if ok && !slices.ContainsFunc(r.services, func(s *corev1.Service) bool {
					host, err := url.Parse("http://" + server)
					return err == nil && host.Hostname() == s.Name && servesPort(s, host.Port()) && s.Spec.PublishNotReadyAddresses
				}) {
					t.Errorf("%s: %s loads into %s, which reaches no replica that waits for its first list", folder, w, server)
				}
			}
		}
		for _, s := range r.services {
			found := find(labels.SelectorFromSet(s.Spec.Selector))
			if len(found) != 1 {
				t.Errorf("%s: service %s selects %v", folder, s.Name, found)
				continue
			}
			for _, port := range s.Spec.Ports {
				if portNumber(found[0].pod.Spec.Containers[0], port.TargetPort) != port.Port {
					t.Errorf("%s: service %s, port %s: no such port in the pod", folder, s.Name, port.Name)
				}
			}
		}
		for _, b := range r.budgets {
			if found := find(selector(b.Spec.Selector)); len(found) != 1 || found[0].replicas < 2 {
				t.Errorf("%s: budget %s holds %v: one workload of several replicas was expected", folder, b.Name, found)
			}
		}
		denied := false
		for _, p := range r.policies {
			found := find(selector(&p.Spec.PodSelector))
			if len(p.Spec.PodSelector.MatchLabels) == 0 && len(p.Spec.Ingress)+len(p.Spec.Egress) == 0 && len(p.Spec.PolicyTypes) == 2 {
				denied = true
			} else if len(found) != 1 {
				t.Errorf("%s: network policy %s is about %v", folder, p.Name, found)
			}
			for _, in := range p.Spec.Ingress {
				for _, port := range in.Ports {
					if len(found) == 1 && portNumber(found[0].pod.Spec.Containers[0], *port.Port) == 0 {
						t.Errorf("%s: network policy %s opens port %s, which the pod has not", folder, p.Name, port.Port)
					}
				}
			}
		}
		if !denied {
			t.Errorf("%s: what no policy names is not denied", folder)
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

func servesPort(s *corev1.Service, port string) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return strconv.Itoa(int(p.Port)) == port })
}
