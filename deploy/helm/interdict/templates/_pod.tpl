{{- /* What every pod has. The arguments are a list: the root, and the user. */ -}}
{{- define "interdict.pod" -}}
{{- $root := index . 0 -}}
{{- $user := index . 1 -}}
serviceAccountName: {{ include "interdict.serviceAccount" $root }}
automountServiceAccountToken: false # nothing here speaks to the Kubernetes API
# Without this Kubernetes sets INTERDICT_PORT, INTERDICT_SERVICE_HOST … for the Service of that name, and the program
# refuses variables that it does not know.
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $user }}
  runAsGroup: {{ $user }}
  fsGroup: {{ $user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "interdict.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- /* Bytes of a quantity such as 2Gi, 1.5G or 1024. */ -}}
{{- define "interdict.bytes" -}}
{{- $quantity := toString . -}}
{{- $unit := regexFind "[A-Za-z]+$" $quantity -}}
{{- $factor := get (dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $unit -}}
{{- mulf (trimSuffix $unit $quantity | float64) $factor | int64 -}}
{{- end -}}

{{- /* The arguments are a list: a memory limit, and how much of it in per cent. The garbage collector works harder before the kernel's limit is reached. */ -}}
{{- define "interdict.goMemoryLimit" -}}
{{- printf "%dMiB" (div (mul (include "interdict.bytes" (index . 0) | int64) (index . 1 | int64)) 104857600) -}}
{{- end -}}

{{- /* "true" if there is one replica with its own store */ -}}
{{- define "interdict.embedded" -}}
{{- if eq .Values.store "embedded" }}true{{ end -}}
{{- end -}}

{{- /* "true" if something else than the StatefulSet says how many replicas there are */ -}}
{{- define "interdict.scaled" -}}
{{- if and .Values.autoscaling.enabled (not (include "interdict.embedded" .)) }}true{{ end -}}
{{- end -}}

{{- /* "true" if there is more than one replica at times */ -}}
{{- define "interdict.several" -}}
{{- if include "interdict.embedded" . -}}
{{- else if include "interdict.scaled" . }}{{ if gt (int .Values.autoscaling.maxReplicas) 1 }}true{{ end -}}
{{- else if gt (int .Values.replicas) 1 }}true{{ end -}}
{{- end -}}

{{- /* The secrets of a server, as JSON: by setting, without those that are not used. */ -}}
{{- define "interdict.secrets" -}}
{{- $secrets := dict -}}
{{- range $setting, $from := .Values.secrets -}}
{{- if $from }}{{ $_ := set $secrets $setting $from }}{{ end -}}
{{- end -}}
{{- if or (include "interdict.embedded" .) .Values.redis.trial.enabled -}}
{{- $secrets = omit $secrets "redis" "redis_password" -}}
{{- end -}}
{{- if .Values.redis.trial.enabled -}}
{{- $_ := set $secrets "redis_password" .Values.redis.trial.secret -}}
{{- end -}}
{{- toJson $secrets -}}
{{- end -}}

{{- define "interdict.secretsFolder" -}}/etc/interdict/secrets{{- end -}}

{{- /* Environment variables of secrets by setting. */ -}}
{{- define "interdict.secretsEnv" -}}
{{- range $setting, $from := . }}
- name: INTERDICT_{{ upper $setting }}_FILE
  value: {{ if $from.file }}{{ $from.file }}{{ else }}{{ include "interdict.secretsFolder" . }}/{{ $setting }}{{ end }}
{{- end }}
{{- end -}}

{{- /* One volume with the keys of all Secrets, each named after its setting; nothing if all are files. */ -}}
{{- define "interdict.secretsVolume" -}}
{{- $sources := list -}}
{{- range $setting, $from := . -}}
{{- if $from.secret -}}
{{- $sources = append $sources (dict "secret" (dict "name" $from.secret "items" (list (dict "key" $from.key "path" $setting)))) -}}
{{- end -}}
{{- end -}}
{{- if $sources }}
- name: secrets
  projected:
    defaultMode: 0440
    sources: {{- toYaml $sources | nindent 6 }}
{{- end }}
{{- end -}}

{{- /* The scheme of the API. */ -}}
{{- define "interdict.scheme" -}}
{{- if .Values.tls.secret }}https{{ else }}http{{ end -}}
{{- end -}}

{{- /* A new replica reads all lists before it is ready, and one that goes leaves its journal on its volume. */ -}}
{{- define "interdict.scalingBehavior" -}}
scaleDown:
  stabilizationWindowSeconds: 600
  policies:
    - type: Pods
      value: 1
      periodSeconds: 120
{{- end -}}
