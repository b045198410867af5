// Command serving answers what Knative Serving itself makes of a Service: its defaults, its webhook's answer and the Deployment
// of its first Revision. It is built once for each version of Serving that the tables of harness/knative are compared with.
//
// Input and output are JSON lines. In: {"id", "object", "features"}. Out: {"id", "errors", "service", "deployment"}; `service`
// is the object after its defaults, `deployment` is there only if no step refused.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/logging"

	apiconfig "knative.dev/serving/pkg/apis/config"
	v1 "knative.dev/serving/pkg/apis/serving/v1"
	"knative.dev/serving/pkg/reconciler/configuration/resources"
	revisionconfig "knative.dev/serving/pkg/reconciler/revision/config"
	revisionresources "knative.dev/serving/pkg/reconciler/revision/resources"
	serviceresources "knative.dev/serving/pkg/reconciler/service/resources"
)

const namespace = "knative-serving"

type question struct {
	ID       int               `json:"id"`
	Object   json.RawMessage   `json:"object"`
	Features map[string]string `json:"features"`
}

type answer struct {
	ID         int             `json:"id"`
	Errors     []string        `json:"errors"`
	Service    json.RawMessage `json:"service,omitempty"`
	Deployment json.RawMessage `json:"deployment,omitempty"`
}

// settings holds what the ConfigMaps of an installation without any changes say, with these feature flags.
type settings struct {
	api      *apiconfig.Store
	revision *revisionconfig.Store
}

func settingsWith(ctx context.Context, features map[string]string) settings {
	data := map[string]map[string]string{
		"config-autoscaler": {}, "config-defaults": {}, "config-features": features, "config-logging": {}, "config-network": {},
		"config-observability": {}, "config-tracing": {}, "config-deployment": {"queue-sidecar-image": "queue"},
	}
	maps := make([]*corev1.ConfigMap, 0, len(data))
	for name, values := range data {
		maps = append(maps, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Data: values})
	}
	watcher := configmap.NewStaticWatcher(maps...)
	logger := logging.FromContext(ctx)
	made := settings{apiconfig.NewStore(logger), revisionconfig.NewStore(logger)}
	made.api.WatchConfigs(watcher)
	made.revision.WatchConfigs(watcher)
	return made
}

// admitted is what the webhook does with an object that is created: defaults first, then validation.
func admitted(ctx context.Context, object interface {
	SetDefaults(context.Context)
	Validate(context.Context) *apis.FieldError
}) []string {
	ctx = apis.WithinCreate(ctx)
	object.SetDefaults(ctx)
	refused := object.Validate(ctx)
	if refused == nil {
		return nil
	}
	return errorsOf(refused)
}

// errorsOf leaves out warnings. Old versions have no levels, so it asks by the method's presence.
func errorsOf(refused *apis.FieldError) []string {
	if filtered := refused.Filter(apis.ErrorLevel); filtered != nil {
		return strings.Split(filtered.Error(), "\n")
	}
	return nil
}

func answered(ctx context.Context, asked question) (out answer) {
	out.ID = asked.ID
	defer func() {
		if crash := recover(); crash != nil {
			out.Errors = append(out.Errors, fmt.Sprintf("panic: %v", crash))
		}
	}()
	with := settingsWith(ctx, asked.Features)
	ctx = with.api.ToContext(ctx)
	service := &v1.Service{}
	if err := json.Unmarshal(asked.Object, service); err != nil {
		out.Errors = []string{"decode: " + err.Error()}
		return out
	}
	if service.Namespace == "" {
		service.Namespace = "default"
	}
	refused := admitted(ctx, service)
	service.UID = "service"
	out.Service, _ = json.Marshal(service)
	if len(refused) != 0 {
		out.Errors = refused
		return out
	}
	configuration := serviceresources.MakeConfiguration(service)
	configuration.Generation, configuration.UID = 1, "configuration"
	if refused = admitted(ctx, configuration); len(refused) != 0 {
		out.Errors = append([]string{"configuration:"}, refused...)
		return out
	}
	revision := resources.MakeRevision(ctx, configuration, time.Unix(0, 0))
	if refused = admitted(ctx, revision); len(refused) != 0 {
		out.Errors = append([]string{"revision:"}, refused...)
		return out
	}
	revision.UID = "revision"
	deployment, err := revisionresources.MakeDeployment(revision, revisionconfig.FromContext(with.revision.ToContext(ctx)))
	if err != nil {
		out.Errors = []string{"deployment: " + err.Error()}
		return out
	}
	deployment.APIVersion, deployment.Kind = "apps/v1", "Deployment"
	out.Deployment, _ = json.Marshal(deployment)
	return out
}

func main() {
	// Old versions panic without the second one.
	for name, value := range map[string]string{"SYSTEM_NAMESPACE": namespace, "METRICS_DOMAIN": "knative.dev/serving"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	ctx := context.Background()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			panic(err)
		}
		if err := out.Encode(answered(ctx, asked)); err != nil {
			panic(err)
		}
	}
	if err := in.Err(); err != nil {
		panic(err)
	}
}
