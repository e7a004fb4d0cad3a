// Validates rendered manifests offline, as an API server would at the door: known kinds, no unknown
// or duplicate fields, nothing required missing, right types; and that pods pass the restricted
// profile of pod security.
//
// usage: validate OPENAPI.json MANIFESTS.yaml…
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kube-openapi/pkg/util/proto"
	"k8s.io/kube-openapi/pkg/util/proto/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: validate OPENAPI.json MANIFESTS.yaml…")
		os.Exit(64)
	}
	validator, err := newValidator(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	failed := false
	for _, path := range os.Args[2:] {
		objects, problems := validator.file(path)
		for _, problem := range problems {
			fmt.Printf("%s: %v\n", path, problem)
		}
		if objects == 0 {
			problems = append(problems, errors.New("no objects"))
			fmt.Printf("%s: no objects\n", path)
		}
		failed = failed || len(problems) > 0
		fmt.Printf("%s: %d objects, %d problems\n", path, objects, len(problems))
	}
	if failed {
		os.Exit(1)
	}
}

type validator struct {
	models map[schema.GroupVersionKind]proto.Schema
	pods   policy.Evaluator
}

func newValidator(openapi string) (*validator, error) {
	text, err := os.ReadFile(openapi)
	if err != nil {
		return nil, err
	}
	document, err := openapi_v2.ParseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", openapi, err)
	}
	models, err := proto.NewOpenAPIData(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", openapi, err)
	}
	pods, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil, err
	}
	known := map[schema.GroupVersionKind]proto.Schema{}
	for _, name := range models.ListModels() {
		model := models.LookupModel(name)
		for _, kind := range kinds(model) {
			known[kind] = model
		}
	}
	return &validator{models: known, pods: pods}, nil
}

// The kinds that a model describes.
func kinds(model proto.Schema) []schema.GroupVersionKind {
	listed, _ := model.GetExtensions()["x-kubernetes-group-version-kind"].([]any)
	var found []schema.GroupVersionKind
	for _, entry := range listed {
		fields, _ := entry.(map[any]any)
		text := func(key string) string { text, _ := fields[key].(string); return text }
		found = append(found, schema.GroupVersionKind{Group: text("group"), Version: text("version"), Kind: text("kind")})
	}
	return found
}

// The number of objects in a file, and what is wrong with them.
func (v *validator) file(path string) (int, []error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, []error{err}
	}
	defer file.Close()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(file))
	var objects int
	var problems []error
	for {
		text, err := reader.Read()
		if err == io.EOF {
			return objects, problems
		}
		if err != nil {
			return objects, append(problems, err)
		}
		object := map[string]any{}
		if err := yaml.UnmarshalStrict(text, &object); err != nil {
			problems = append(problems, fmt.Errorf("%w in\n%s", err, text))
			continue
		}
		if len(object) == 0 {
			continue
		}
		objects++
		problems = append(problems, v.object(object)...)
	}
}

func (v *validator) object(object map[string]any) []error {
	version, _ := object["apiVersion"].(string)
	kind := schema.FromAPIVersionAndKind(version, fmt.Sprint(object["kind"]))
	model, ok := v.models[kind]
	if !ok {
		return []error{fmt.Errorf("%s: no such kind", kind)}
	}
	problems := validation.ValidateModel(object, model, kind.Kind)
	if pod := podOf(kind.Kind, object); pod != nil {
		problems = append(problems, v.pod(kind.Kind, pod)...)
	}
	return problems
}

// The part of an object that describes pods: `metadata` and `spec`.
func podOf(kind string, object map[string]any) map[string]any {
	switch kind {
	case "Pod":
		return object
	case "StatefulSet", "Deployment", "DaemonSet", "Job", "ReplicaSet":
		spec, _ := object["spec"].(map[string]any)
		template, _ := spec["template"].(map[string]any)
		return template
	}
	return nil
}

func (v *validator) pod(kind string, pod map[string]any) []error {
	var typed struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     corev1.PodSpec    `json:"spec"`
	}
	text, err := json.Marshal(map[string]any{"metadata": pod["metadata"], "spec": pod["spec"]})
	if err != nil {
		return []error{err}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&typed); err != nil {
		return []error{fmt.Errorf("%s: %w", kind, err)}
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(v.pods.EvaluatePod(restricted, &typed.Metadata, &typed.Spec))
	if !result.Allowed {
		return []error{fmt.Errorf("%s: not restricted: %s", kind, result.ForbiddenDetail())}
	}
	return nil
}
