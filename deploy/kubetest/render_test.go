// Package kubetest tests what is in deploy: the chart is rendered with several sets of values as Helm does it, every manifest
// is decoded strictly against the types of Kubernetes and of the operators, held against the restricted pod security profile
// and against one another, and the program is started with their own arguments and variables. The kustomizations are the
// rendered chart, and are built as `kubectl apply -k` does it.
//
// Run it with -count=1: go test would give a cached result after a change of a manifest, which is no file of this module.
package kubetest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const kubernetes = "../kubernetes"

// strictDecoder refuses unknown, misspelt and repeated fields, and kinds we do not use.
func strictDecoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, policyv1.AddToScheme, networkingv1.AddToScheme,
		autoscalingv2.AddToScheme, keda.AddToScheme, monitoring.AddToScheme, gateway.Install,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
}

// decodeAll decodes each document of a YAML stream strictly.
func decodeAll(t *testing.T, content []byte) ([]runtime.Object, error) {
	t.Helper()
	decoder := strictDecoder(t)
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	var objects []runtime.Object
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%w, in:\n%s", err, document)
		}
		objects = append(objects, object)
	}
}

// folders lists the kustomizations that install Interdict.
func folders(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(kubernetes, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "interdict.yaml" {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 {
		t.Fatalf("base and two overlays expected, found %v", found)
	}
	return found
}

// rendered is a set of manifests, by kind.
type rendered struct {
	objects    []runtime.Object
	workloads  []workload
	services   []*corev1.Service
	configMaps []*corev1.ConfigMap
	policies   []*networkingv1.NetworkPolicy
	budgets    []*policyv1.PodDisruptionBudget
	namespaces []*corev1.Namespace
	scalers    []scaler
	monitors   []*monitoring.ServiceMonitor
	rules      []*monitoring.PrometheusRule
	ingresses  []*networkingv1.Ingress
	routes     []*gateway.HTTPRoute
	names      map[string]bool // "ServiceAccount/interdict"
}

// scaler is what changes the number of replicas.
type scaler struct {
	name, target string // "StatefulSet/interdict"
	min, max     int32
}

// workload is anything that makes pods.
type workload struct {
	kind, name string
	replicas   int32
	scaled     bool                  // the replicas are those of a scaler, and the fewest
	selector   *metav1.LabelSelector // nil for a CronJob
	service    string                // of a StatefulSet
	pod        corev1.PodTemplateSpec
	claims     map[string]bool // volumes that outlive the pod by a claim template
}

func (w workload) String() string { return w.kind + "/" + w.name }

// ours tells the program's own workloads from others, such as the Redis for trials.
func (w workload) ours() bool {
	component := w.pod.Labels["app.kubernetes.io/component"]
	return component == "server" || component == "loader"
}

// server tells a workload that serves from one that runs and ends.
func (w workload) server() bool { return w.kind != "CronJob" }

// render builds a kustomization.
func render(t *testing.T, folder string) rendered {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("kustomize build %s: %v", folder, err)
	}
	content, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, folder, content)
}

// decode sorts the manifests of a YAML stream; name says in errors where they are from.
func decode(t *testing.T, name string, content []byte) rendered {
	t.Helper()
	objects, err := decodeAll(t, content)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}

	r := rendered{objects: objects, names: map[string]bool{}}
	for _, object := range objects {
		meta, ok := object.(metav1.Object)
		if !ok {
			t.Fatalf("%T has no metadata", object)
		}
		kind := object.GetObjectKind().GroupVersionKind().Kind
		if r.names[kind+"/"+meta.GetName()] {
			t.Errorf("%s: there are two of %s/%s", name, kind, meta.GetName())
		}
		r.names[kind+"/"+meta.GetName()] = true
		w := workload{kind: kind, name: meta.GetName(), claims: map[string]bool{}}
		switch o := object.(type) {
		case *corev1.Service:
			r.services = append(r.services, o)
		case *corev1.ConfigMap:
			r.configMaps = append(r.configMaps, o)
		case *autoscalingv2.HorizontalPodAutoscaler:
			r.scalers = append(r.scalers, scaler{o.Name, o.Spec.ScaleTargetRef.Kind + "/" + o.Spec.ScaleTargetRef.Name, *o.Spec.MinReplicas, o.Spec.MaxReplicas})
		case *keda.ScaledObject:
			r.scalers = append(r.scalers, scaler{o.Name, o.Spec.ScaleTargetRef.Kind + "/" + o.Spec.ScaleTargetRef.Name, *o.Spec.MinReplicaCount, *o.Spec.MaxReplicaCount})
		case *monitoring.ServiceMonitor:
			r.monitors = append(r.monitors, o)
		case *monitoring.PrometheusRule:
			r.rules = append(r.rules, o)
		case *networkingv1.Ingress:
			r.ingresses = append(r.ingresses, o)
		case *gateway.HTTPRoute:
			r.routes = append(r.routes, o)
		case *corev1.Namespace:
			r.namespaces = append(r.namespaces, o)
		case *networkingv1.NetworkPolicy:
			r.policies = append(r.policies, o)
		case *policyv1.PodDisruptionBudget:
			r.budgets = append(r.budgets, o)
		case *appsv1.StatefulSet:
			if o.Spec.Replicas != nil {
				w.replicas = *o.Spec.Replicas
			}
			w.selector, w.service, w.pod = o.Spec.Selector, o.Spec.ServiceName, o.Spec.Template
			for i := range o.Spec.VolumeClaimTemplates {
				w.claims[o.Spec.VolumeClaimTemplates[i].Name] = true
			}
			r.workloads = append(r.workloads, w)
		case *batchv1.CronJob:
			w.pod = o.Spec.JobTemplate.Spec.Template
			r.workloads = append(r.workloads, w)
		}
	}
	// A scaler sets the replicas of its target, which says nothing of them itself.
	for _, scaler := range r.scalers {
		for i, w := range r.workloads {
			if w.String() == scaler.target && w.replicas == 0 {
				r.workloads[i].replicas, r.workloads[i].scaled = scaler.min, true
			}
		}
	}
	return r
}

// eachWorkload runs a test for every workload that the chart makes of every value set.
func eachWorkload(t *testing.T, test func(t *testing.T, r rendered, w workload)) {
	t.Helper()
	eachChart(t, func(t *testing.T, _ string, r rendered) {
		if len(r.workloads) == 0 {
			t.Error("no workload")
		}
		for _, w := range r.workloads {
			t.Run(w.String(), func(t *testing.T) { test(t, r, w) })
		}
	})
}

// What the other tests stand on: the decoder does refuse.
func TestMisspeltAndRepeatedFieldsAreRefused(t *testing.T) {
	for name, manifest := range map[string]string{
		"misspelt": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {enableServiceLink: false}\n",
		"repeated": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, name: b}\n",
		"unknown":  "apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: a}\n",
	} {
		if _, err := decodeAll(t, []byte(manifest)); err == nil {
			t.Errorf("a %s field was accepted", name)
		}
	}
}
