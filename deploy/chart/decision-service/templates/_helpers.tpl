{{- define "name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "labels" -}}
{{ include "selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "image" -}}
{{ .Values.image.repository }}{{ if hasPrefix "sha256:" .Values.image.tag }}@{{ else }}:{{ end }}{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The greatest number of pods that run at the same time: a rolling update adds one. */}}
{{- define "pods" -}}
{{- if not .Values.secrets.store }}1{{ else }}{{ add1 (ternary .Values.autoscaling.maxReplicas .Values.replicas .Values.autoscaling.enabled) }}{{ end }}
{{- end }}

{{/* What values may not be together: one sentence each, with what to do. */}}
{{- define "check" -}}
{{- $v := .Values }}
{{- $most := ternary $v.autoscaling.maxReplicas $v.replicas $v.autoscaling.enabled | int }}
{{- $embedded := eq $v.mode "embedded" }}
{{- if and $embedded (or $v.secrets.store $v.secrets.tls $v.secrets.vendor) }}
{{- fail "mode is embedded, which runs on made-up people and takes no store, TLS or vendor secret: set mode to sandbox or production" }}
{{- end }}
{{- if and (not $embedded) (not $v.secrets.vendor) }}
{{- fail (printf "mode is %s, which needs the vendor's keys: set secrets.vendor to a Secret with api-key and api-secret" $v.mode) }}
{{- end }}
{{- if and (gt $most 1) (not $v.secrets.store) }}
{{- fail (printf "%d replicas need PostgreSQL, since one process holds a SQLite file: set secrets.store to a Secret with url, or replicas to 1" $most) }}
{{- end }}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- fail (printf "autoscaling.minReplicas is %d, above autoscaling.maxReplicas %d" (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- if gt (include "pods" . | int) (int $v.vendorRequestsPerSecond) }}
{{- fail (printf "up to %s pods share vendorRequestsPerSecond %d, and each needs one at least: run fewer" (include "pods" .) (int $v.vendorRequestsPerSecond)) }}
{{- end }}
{{- if and $v.secrets.store (not $v.secrets.keys) }}
{{- fail "PostgreSQL needs key files that all pods share: set secrets.keys to a Secret with identity-keys and data-keys" }}
{{- end }}
{{- if ne (empty $v.secrets.store) (empty $v.secrets.erasures) }}
{{- fail "secrets.store and secrets.erasures belong together: erasures are recorded in a database apart from the store's, so that a restored backup brings no erased person back; set each to a Secret with url" }}
{{- end }}
{{- if and $v.secrets.store (eq $v.secrets.store $v.secrets.erasures) }}
{{- fail (printf "secrets.erasures is %s, the Secret of the store: name one with the url of another database" $v.secrets.erasures) }}
{{- end }}
{{- if and (eq $v.mode "production") (not (hasPrefix "sha256:" $v.image.tag)) }}
{{- fail (printf "mode is production and image.tag is %q, a name that may come to mean another image: set it to the image's digest, sha256:…" $v.image.tag) }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}
{{- fail "ingress.enabled needs ingress.host, the name by which the vendor and applicants reach the service" }}
{{- end }}
{{- if and $v.networkPolicy.enabled $v.ingress.enabled (not $v.networkPolicy.httpFrom) }}
{{- fail "networkPolicy keeps the Ingress controller out: name its pods in networkPolicy.httpFrom" }}
{{- end }}
{{- if and $v.networkPolicy.enabled $v.serviceMonitor.enabled (not $v.networkPolicy.metricsFrom) }}
{{- fail "networkPolicy keeps Prometheus out: name its pods in networkPolicy.metricsFrom" }}
{{- end }}
{{- if and $v.prometheusRule.enabled (not $v.prometheusRule.runbookUrl) }}
{{- fail "prometheusRule.enabled needs prometheusRule.runbookUrl, where your operators read docs/watch.md" }}
{{- end }}
{{- if not (or $embedded $v.secrets.store $v.persistence.enabled) }}
{{- fail (printf "mode is %s and decisions would be lost with the pod: set secrets.store for PostgreSQL, or persistence.enabled for SQLite" $v.mode) }}
{{- end }}
{{- if not (or $embedded $v.allowPlaintext (and $v.secrets.tls $v.secrets.callers)) }}
{{- fail (printf "mode is %s, which serves other machines only with TLS and known callers: set secrets.tls and secrets.callers, or allowPlaintext where a mesh adds both" $v.mode) }}
{{- end }}
{{- if and $v.secrets.tls (not $v.front.image) }}
{{- fail "secrets.tls is the front's: set front.image to an image of Envoy by its digest" }}
{{- end }}
{{- if lt (int $v.drain.delaySeconds) (mul (int $v.readiness.periodSeconds) (int $v.readiness.failureThreshold) | int) }}
{{- fail (printf "drain.delaySeconds is %d, shorter than readiness takes to fail (%d × %d s): balancers would send calls to a stopped pod" (int $v.drain.delaySeconds) (int $v.readiness.failureThreshold) (int $v.readiness.periodSeconds)) }}
{{- end }}
{{- if and (eq $v.rules.source "configMap") (not $v.rules.configMap.maps) }}
{{- fail "rules.source is configMap: name the ConfigMaps in rules.configMap.maps" }}
{{- end }}
{{- if and (eq $v.rules.source "git") (not (and $v.rules.git.image $v.rules.git.repository)) }}
{{- fail "rules.source is git: set rules.git.repository, and rules.git.image to git-sync of version 4" }}
{{- end }}
{{- if and (eq $v.rules.source "oci") (not $v.rules.oci.reference) }}
{{- fail "rules.source is oci: set rules.oci.reference" }}
{{- end }}
{{- range $v.extraEnv }}
{{- if hasPrefix "DECISION_" .name }}
{{- fail (printf "extraEnv has %s, which is a setting of the service: put it into settings" .name) }}
{{- end }}
{{- end }}
{{- range $name, $_ := $v.settings }}
{{- if has $name (splitList " " (include "owned" $)) }}
{{- fail (printf "settings.%s is set by the chart: use the value that stands for it" $name) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "owned" -}}
DECISION_SMILE_MODE DECISION_SMILE_REQUESTS_PER_SECOND DECISION_SMILE_API_KEY DECISION_SMILE_API_SECRET DECISION_SMILE_API_KEY_FILE DECISION_SMILE_API_SECRET_FILE DECISION_GRPC_ADDRESS DECISION_HTTP_ADDRESS DECISION_ADMIN_ADDRESS DECISION_ALLOW_PLAINTEXT DECISION_STORE_URL DECISION_STORE_URL_FILE DECISION_IDENTITY_KEY_FILE DECISION_DATA_KEY_FILE DECISION_ERASURE_JOURNAL DECISION_ERASURE_JOURNAL_FILE DECISION_TLS_CERT_FILE DECISION_TLS_KEY_FILE DECISION_TLS_CLIENT_CA_FILE DECISION_AUTH_TOKENS_FILE DECISION_WEBHOOK_SECRETS DECISION_WEBHOOK_SECRETS_FILE DECISION_LOG_HASH_KEY DECISION_LOG_HASH_KEY_FILE DECISION_RULES_DIR DECISION_DRAIN_DELAY DECISION_DRAIN_GRACE DECISION_REUSE_PORT
{{- end }}
