{{- define "interdict.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* Short enough for the names that are made of it, and for those of the pods. */ -}}
{{- define "interdict.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "interdict.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "interdict.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "interdict.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "interdict.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* What selects pods. The argument is a list: the root, and the component (server, loader, redis, postgresql). */ -}}
{{- define "interdict.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "interdict.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "interdict.labels" -}}
{{- $root := index . 0 -}}
{{ include "interdict.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* The argument is a list: an image of the values, and the tag when it names none. */ -}}
{{- define "interdict.image" -}}
{{- $image := index . 0 -}}
{{ $image.repository }}:{{ default (index . 1) $image.tag }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}
