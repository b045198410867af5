// Command kubernetes answers what an API server would refuse: a custom resource by its CRD, a Deployment by its validation.
//
// Usage: kubernetes service.yaml. Input and output are JSON lines. In: {"id", "step", "object"} with the step "read" (strict
// decoding of a Knative Service and its schema's defaults), "stored" (validation of a Service that the webhook has changed) or
// "deployment". Out: {"id", "errors", "object"}; `object` is what was read, with its defaults.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"sigs.k8s.io/yaml"
)

type question struct {
	ID     int             `json:"id"`
	Step   string          `json:"step"`
	Object json.RawMessage `json:"object"`
}

type answer struct {
	ID     int      `json:"id"`
	Errors []string `json:"errors"`
	Object any      `json:"object,omitempty"`
}

// kind is a custom resource's schema, read from its CRD.
type kind struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
}

func kindOf(path string) (kind, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return kind{}, err
	}
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(text, definition); err != nil {
		return kind{}, err
	}
	internal := &apiextensions.CustomResourceValidation{}
	for _, version := range definition.Spec.Versions {
		if version.Name != "v1" {
			continue
		}
		if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, internal, nil); err != nil {
			return kind{}, err
		}
	}
	structural, err := schema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return kind{}, err
	}
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	return kind{structural, validator}, err
}

func words(found field.ErrorList) []string {
	said := make([]string, 0, len(found))
	for _, one := range found {
		said = append(said, one.Error())
	}
	return said
}

// read decodes as the API server does with strict field validation, and fills in the schema's defaults.
func (k kind) read(raw []byte) ([]string, any) {
	object := map[string]any{}
	if err := json.Unmarshal(raw, &object); err != nil {
		return []string{err.Error()}, nil
	}
	said := []string{}
	for _, path := range pruning.PruneWithOptions(object, k.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		said = append(said, "unknown field "+path)
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)
	return said, object
}

func (k kind) stored(raw []byte) []string {
	object := map[string]any{}
	if err := json.Unmarshal(raw, &object); err != nil {
		return []string{err.Error()}
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)
	found := validation.ValidateCustomResource(nil, object, k.validator)
	found = append(found, listtype.ValidateListSetsAndMaps(nil, k.structural, object)...)
	meta := metav1.ObjectMeta{}
	inner, _, _ := unstructured.NestedMap(object, "metadata")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(inner, &meta, true); err != nil {
		return append(words(found), "metadata: "+err.Error())
	}
	found = append(found, apivalidation.ValidateObjectMeta(&meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))...)
	return words(found)
}

func deployment(raw []byte) []string {
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	object, _, err := codecs.UniversalDecoder().Decode(raw, nil, nil)
	if err != nil {
		return []string{err.Error()}
	}
	asked, ok := object.(*apps.Deployment)
	if !ok {
		return []string{"not a Deployment"}
	}
	if asked.Namespace == "" {
		asked.Namespace = "default"
	}
	pod.DropDisabledTemplateFields(&asked.Spec.Template, nil)
	return words(appsvalidation.ValidateDeployment(asked, pod.GetValidationOptionsFromPodTemplate(&asked.Spec.Template, nil)))
}

func main() {
	service, err := kindOf(os.Args[1])
	if err != nil {
		panic(err)
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			panic(err)
		}
		said := answer{ID: asked.ID}
		switch asked.Step {
		case "read":
			said.Errors, said.Object = service.read(asked.Object)
		case "stored":
			said.Errors = service.stored(asked.Object)
		case "deployment":
			said.Errors = deployment(asked.Object)
		default:
			panic("unknown step " + asked.Step)
		}
		if err := out.Encode(said); err != nil {
			panic(err)
		}
	}
	if err := in.Err(); err != nil {
		panic(err)
	}
}
