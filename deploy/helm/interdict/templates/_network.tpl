{{- /* A rule that lets names be resolved, of the network policy in the values. */ -}}
{{- define "interdict.dns" -}}
- to: {{- toYaml .dns | nindent 4 }}
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end -}}

{{- /* A rule that lets a service be reached: `to` and `ports`. Without `to` it may be everywhere. */ -}}
{{- define "interdict.egress" -}}
- ports:
    {{- range .ports }}
    - port: {{ . }}
    {{- end }}
  {{- with .to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
