{{- define "podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Settings: each secret is a file, so that none stands in the environment. */}}
{{- define "environment" -}}
{{- $v := .Values }}
{{- $host := ternary "127.0.0.1" "0.0.0.0" (ne $v.secrets.tls "") }}
{{- $set := dict "DECISION_SMILE_MODE" $v.mode "DECISION_GRPC_ADDRESS" (printf "%s:50051" $host) "DECISION_HTTP_ADDRESS" (printf "%s:8080" $host) "DECISION_ADMIN_ADDRESS" "0.0.0.0:9090" "DECISION_ALLOW_PLAINTEXT" "true" }}
{{- $_ := set $set "DECISION_SMILE_REQUESTS_PER_SECOND" (div (int $v.vendorRequestsPerSecond) (include "pods" . | int)) }}
{{- $_ := set $set "DECISION_DRAIN_DELAY" (printf "%ds" (int $v.drain.delaySeconds)) }}
{{- $_ := set $set "DECISION_DRAIN_GRACE" (printf "%ds" (int $v.drain.graceSeconds)) }}
{{- $at := "/etc/decision-service" }}
{{- with $v.secrets }}
{{- if .vendor }}{{ $_ := set $set "DECISION_SMILE_API_KEY_FILE" (printf "%s/vendor/api-key" $at) }}{{ $_ := set $set "DECISION_SMILE_API_SECRET_FILE" (printf "%s/vendor/api-secret" $at) }}{{ end }}
{{- if .store }}{{ $_ := set $set "DECISION_STORE_URL_FILE" (printf "%s/store/url" $at) }}{{ $_ := set $set "DECISION_ERASURE_JOURNAL_FILE" (printf "%s/erasures/url" $at) }}{{ $_ := set $set "PGSSLROOTCERT" (printf "%s/store/ca.crt" $at) }}{{ end }}
{{- if .keys }}{{ $_ := set $set "DECISION_IDENTITY_KEY_FILE" (printf "%s/keys/identity-keys" $at) }}{{ $_ := set $set "DECISION_DATA_KEY_FILE" (printf "%s/keys/data-keys" $at) }}{{ end }}
{{- if .callers }}{{ $_ := set $set "DECISION_AUTH_TOKENS_FILE" (printf "%s/callers/callers.yaml" $at) }}{{ end }}
{{- if .webhooks }}{{ $_ := set $set "DECISION_WEBHOOK_SECRETS_FILE" (printf "%s/webhooks/secrets" $at) }}{{ end }}
{{- if .events }}{{ $_ := set $set "DECISION_EVENTS_FILE" (printf "%s/events/events.yaml" $at) }}{{ end }}
{{- if .log }}{{ $_ := set $set "DECISION_LOG_HASH_KEY_FILE" (printf "%s/log/hash-key" $at) }}{{ end }}
{{- end }}
{{- $root := get (dict "configMap" "/rules" "git" "/rules/current" "oci" "/rules") $v.rules.source }}
{{- if $root }}{{ $_ := set $set "DECISION_RULES_DIR" (trimSuffix "/" (printf "%s/%s" $root (trimPrefix "/" $v.rules.path))) }}{{ end }}
{{- range $name, $value := merge $set $v.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- with $v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mounts" -}}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- range $name, $secret := omit .Values.secrets "tls" }}{{ if $secret }}
- {name: secret-{{ $name }}, mountPath: /etc/decision-service/{{ $name }}, readOnly: true}
{{- end }}{{ end }}
{{- if ne .Values.rules.source "image" }}
- {name: rules, mountPath: /rules, readOnly: true}
{{- end }}
{{- end }}

{{- define "volumes" -}}
- name: data
{{- if .Values.persistence.enabled }}
  persistentVolumeClaim: {claimName: {{ .Values.persistence.existingClaim | default (printf "%s-data" (include "name" .)) }}}
{{- else }}
  emptyDir: {}
{{- end }}
- {name: tmp, emptyDir: {}}
{{- if .Values.secrets.tls }}
- {name: front, configMap: {name: {{ include "name" . }}-front}}
{{- end }}
{{- range $name, $secret := .Values.secrets }}{{ if $secret }}
- {name: secret-{{ $name }}, secret: {secretName: {{ $secret }}, defaultMode: 0440}}
{{- end }}{{ end }}
{{- with .Values.rules }}
{{- if eq .source "configMap" }}
- name: rules
  projected:
    # One volume, so that a kubelet swaps all maps at once.
    sources:
{{- range .configMap.maps }}
      - configMap: {{ toJson . }}
{{- end }}
{{- else if eq .source "git" }}
- {name: rules, emptyDir: {}}
{{- if .git.secret }}
- {name: git-secret, secret: {secretName: {{ .git.secret }}, defaultMode: 0440}}
{{- end }}
{{- else if eq .source "oci" }}
- name: rules
  image: {reference: {{ .oci.reference | quote }}, pullPolicy: {{ .oci.pullPolicy }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Envoy beside the service, from before its start until after its end. */}}
{{- define "front" -}}
- name: front
  image: {{ .Values.front.image | quote }}
  command: [envoy, --config-path, /etc/envoy/envoy.yaml, --concurrency, "2", --disable-hot-restart]
  restartPolicy: Always
  ports: [{name: front, containerPort: 8443}]
  startupProbe: {tcpSocket: {port: front}, periodSeconds: 1, failureThreshold: 30}
  securityContext: {{- include "containerSecurity" . | nindent 4 }}
  resources: {{- toYaml .Values.front.resources | nindent 4 }}
  volumeMounts:
    - {name: front, mountPath: /etc/envoy, readOnly: true}
    - {name: secret-tls, mountPath: /etc/decision-service/front, readOnly: true}
    - {name: tmp, mountPath: /tmp}
{{- end }}

{{/* git-sync, once before the service starts, then beside it. */}}
{{- define "gitSync" -}}
{{- $git := .Values.rules.git }}
{{- range $once := list true false }}
- name: {{ ternary "rules-once" "rules-sync" $once }}
  image: {{ $git.image | quote }}
  args: ["--repo={{ $git.repository }}", "--ref={{ $git.ref }}", "--root=/rules", "--link=current", {{ ternary "\"--one-time\"" (printf "\"--period=%s\"" $git.period) $once }}{{ if $git.secret }}, "--ssh-key-file=/etc/git-secret/ssh", "--ssh-known-hosts-file=/etc/git-secret/known_hosts"{{ end }}]
{{- if not $once }}
  restartPolicy: Always
{{- end }}
  securityContext: {{- include "containerSecurity" $ | nindent 4 }}
  resources: {requests: {cpu: 20m, memory: 64Mi}, limits: {memory: 256Mi}}
  volumeMounts:
    - {name: rules, mountPath: /rules}
    - {name: tmp, mountPath: /tmp}
{{- if $git.secret }}
    - {name: git-secret, mountPath: /etc/git-secret, readOnly: true}
{{- end }}
{{- end }}
{{- end }}
