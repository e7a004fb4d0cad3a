{{- define "toolgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* 40 characters leave room for suffixes, and for the pods' own names in labels. */ -}}
{{- define "toolgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "toolgate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "toolgate.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "toolgate.selector" -}}
app.kubernetes.io/name: {{ include "toolgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: pdp
{{- end -}}

{{- define "toolgate.labels" -}}
{{ include "toolgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "toolgate.testSelector" -}}
app.kubernetes.io/name: {{ include "toolgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "toolgate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "toolgate.serviceAccount" -}}
{{- default (include "toolgate.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "toolgate.bundleConfigMap" -}}
{{- default (printf "%s-bundle" (include "toolgate.fullname" .)) .Values.bundle.configMap -}}
{{- end -}}

{{- define "toolgate.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
# The key beside the log must stay the owner's alone: the group is given to a new volume only.
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "toolgate.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "toolgate.toml.key" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . }}{{ . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end -}}

{{- /* A value as TOML, on one line. A JSON string, number, boolean or array of them is TOML too. */ -}}
{{- define "toolgate.toml.value" -}}
{{- if kindIs "map" . -}}
{ {{- range $i, $key := keys . | sortAlpha }}{{ if $i }},{{ end }} {{ include "toolgate.toml.key" $key }} = {{ include "toolgate.toml.value" (get $ $key) }}{{ end }} }
{{- else if kindIs "slice" . -}}
[ {{- range $i, $item := . }}{{ if $i }}, {{ end }}{{ include "toolgate.toml.value" $item }}{{ end -}} ]
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}

{{- /* The keys of a map as TOML, one a line; keys without a value are left out. */ -}}
{{- define "toolgate.toml.keys" -}}
{{- range $key := keys . | sortAlpha }}
{{- $value := get $ $key }}
{{- if not (kindIs "invalid" $value) }}
{{ include "toolgate.toml.key" $key }} = {{ include "toolgate.toml.value" $value }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* toolgate.toml: what the chart sets wins over `config`. */ -}}
{{- define "toolgate.config" -}}
{{- $listenTls := dict "cert" "/etc/toolgate/tls/tls.crt" "key" "/etc/toolgate/tls/tls.key" -}}
{{- if .Values.tls.clientCa.secret -}}
{{- $_ := set $listenTls "client_ca" "/etc/toolgate/client-ca/ca.crt" -}}
{{- end -}}
{{- $bundle := dict "name" "main" "path" (printf "/etc/toolgate/bundle%s" (ternary "" (print "/" .Values.bundle.archive) (empty .Values.bundle.archive))) -}}
{{- if .Values.bundle.servers -}}
{{- $_ := set $bundle "servers" .Values.bundle.servers -}}
{{- end -}}
{{- $sections := deepCopy .Values.config -}}
{{- $own := dict "audit" (dict "dir" "/var/lib/toolgate/audit") -}}
{{- if .Values.jwt.configMap -}}
{{- $_ := set $own "jwt" (dict "jwks_file" "/etc/toolgate/jwks/jwks.json") -}}
{{- end -}}
{{- $sections = mergeOverwrite $sections $own -}}
[listen]
tcp = "0.0.0.0:7411"
http = "0.0.0.0:7412"
http_public = true

[listen.tls]
{{- include "toolgate.toml.keys" $listenTls }}

[[bundles]]
{{- include "toolgate.toml.keys" $bundle }}
{{- range .Values.callers }}

[[callers]]
{{- include "toolgate.toml.keys" . }}
{{- end }}
{{- range $name := keys $sections | sortAlpha }}

[{{ $name }}]
{{- include "toolgate.toml.keys" (get $sections $name) }}
{{- end }}
{{- end -}}
