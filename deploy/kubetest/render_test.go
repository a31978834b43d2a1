// Package kubetest tests what stands in deploy: every manifest is decoded strictly against the Kubernetes types, base and
// overlays are rendered as `kubectl apply -k` would, held against the restricted pod security profile and against one
// another, and the program is started with their own arguments and variables.
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
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
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

// folders lists the kustomizations below deploy/kubernetes: base and every overlay.
func folders(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(kubernetes, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "kustomization.yaml" {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 3 {
		t.Fatalf("base and two overlays expected, found %v", found)
	}
	return found
}

// rendered is what a folder's kustomization makes, by kind.
type rendered struct {
	objects    []runtime.Object
	workloads  []workload
	services   []*corev1.Service
	policies   []*networkingv1.NetworkPolicy
	budgets    []*policyv1.PodDisruptionBudget
	namespaces []*corev1.Namespace
	names      map[string]bool // "ServiceAccount/interdict"
}

// workload is anything that makes pods.
type workload struct {
	kind, name string
	replicas   int32
	selector   *metav1.LabelSelector // nil for a CronJob
	service    string                // of a StatefulSet
	pod        corev1.PodTemplateSpec
	claims     map[string]bool // volumes that outlive the pod by a claim template
}

func (w workload) String() string { return w.kind + "/" + w.name }

// ours tells the program's own workloads from others, such as the Redis for trials.
func (w workload) ours() bool { return w.pod.Labels["app.kubernetes.io/name"] == "interdict" }

// server tells a workload that serves from one that runs and ends.
func (w workload) server() bool { return w.kind != "CronJob" }

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
	objects, err := decodeAll(t, content)
	if err != nil {
		t.Fatalf("kustomize build %s: %v", folder, err)
	}

	r := rendered{objects: objects, names: map[string]bool{}}
	for _, object := range objects {
		meta, ok := object.(metav1.Object)
		if !ok {
			t.Fatalf("%T has no metadata", object)
		}
		kind := object.GetObjectKind().GroupVersionKind().Kind
		r.names[kind+"/"+meta.GetName()] = true
		w := workload{kind: kind, name: meta.GetName(), claims: map[string]bool{}}
		switch o := object.(type) {
		case *corev1.Service:
			r.services = append(r.services, o)
		case *corev1.Namespace:
			r.namespaces = append(r.namespaces, o)
		case *networkingv1.NetworkPolicy:
			r.policies = append(r.policies, o)
		case *policyv1.PodDisruptionBudget:
			r.budgets = append(r.budgets, o)
		case *appsv1.StatefulSet:
			w.replicas, w.selector, w.service, w.pod = *o.Spec.Replicas, o.Spec.Selector, o.Spec.ServiceName, o.Spec.Template
			for i := range o.Spec.VolumeClaimTemplates {
				w.claims[o.Spec.VolumeClaimTemplates[i].Name] = true
			}
			r.workloads = append(r.workloads, w)
		case *appsv1.Deployment:
			w.replicas, w.selector, w.pod = *o.Spec.Replicas, o.Spec.Selector, o.Spec.Template
			r.workloads = append(r.workloads, w)
		case *batchv1.CronJob:
			w.pod = o.Spec.JobTemplate.Spec.Template
			r.workloads = append(r.workloads, w)
		}
	}
	return r
}

// eachWorkload runs a test for every workload of every folder.
func eachWorkload(t *testing.T, test func(t *testing.T, r rendered, w workload)) {
	t.Helper()
	for _, folder := range folders(t) {
		r := render(t, folder)
		if len(r.workloads) < 2 {
			t.Errorf("%s makes %d workloads, a server and a loader at least were expected", folder, len(r.workloads))
		}
		for _, w := range r.workloads {
			t.Run(filepath.Base(folder)+"/"+w.String(), func(t *testing.T) { test(t, r, w) })
		}
	}
}

func TestEveryFileIsDecodedStrictlyAndUsed(t *testing.T) {
	used := map[string]bool{}
	for _, folder := range folders(t) {
		content, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var kustomization struct{ Resources []string }
		if err := yaml.Unmarshal(content, &kustomization); err != nil {
			t.Fatal(err)
		}
		for _, resource := range kustomization.Resources {
			used[filepath.Join(folder, resource)] = true
		}
	}
	err := filepath.WalkDir(kubernetes, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "kustomization.yaml" {
			return err
		}
		if !strings.HasSuffix(path, ".yaml") {
			t.Errorf("%s is no manifest", path)
			return nil
		}
		if !used[path] {
			t.Errorf("%s is in no kustomization's resources, so nobody gets it", path)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := decodeAll(t, content); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
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
