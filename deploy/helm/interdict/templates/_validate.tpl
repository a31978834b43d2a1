{{- /* What the schema of the values cannot say. */ -}}
{{- define "interdict.validate" -}}
{{- $v := .Values -}}
{{- $embedded := include "interdict.embedded" . -}}
{{- if and $embedded $v.redis.trial.enabled -}}
{{- fail "redis.trial.enabled needs store: redis" -}}
{{- end -}}
{{- if and (eq $v.store "redis") (not $v.redis.trial.enabled) (not $v.secrets.redis) -}}
{{- fail "store: redis needs secrets.redis, a Secret with the address of Redis, or redis.trial.enabled" -}}
{{- end -}}
{{- if and $v.follow.url $v.publish.url -}}
{{- fail "follow.url: a server that follows publishes nothing, leave out publish.url" -}}
{{- end -}}
{{- if and $v.follow.url (not $embedded) -}}
{{- fail "follow.url needs store: embedded: a server that follows keeps its lists and its API keys on its own volume" -}}
{{- end -}}
{{- if and $v.follow.url (ne $v.refresh.by "none") -}}
{{- fail "follow.url needs refresh.by: none: the lists are changed at the server that is followed" -}}
{{- end -}}
{{- if ne (empty $v.follow.url) (empty $v.follow.keys) -}}
{{- fail "follow.url and follow.keys go together: the keys are what audit keys of the server that is followed prints" -}}
{{- end -}}
{{- if and $v.publish.url (include "interdict.several" .) (not $v.secrets.record_key) -}}
{{- fail "publish.url with several replicas needs secrets.record_key: each of them must sign with the same key" -}}
{{- end -}}
{{- if and $v.postgresql.trial.enabled (not $v.secrets.archive) -}}
{{- fail "postgresql.trial.enabled needs secrets.archive, a Secret with the address postgres://interdict:PASSWORD@…" -}}
{{- end -}}
{{- if and $v.autoscaling.keda.enabled (not $embedded) (not $v.autoscaling.keda.prometheus) -}}
{{- fail "autoscaling.keda.enabled needs autoscaling.keda.prometheus, the address of Prometheus" -}}
{{- end -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas is %d, more than maxReplicas, which is %d" (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) -}}
{{- end -}}
{{- if lt (int $v.terminationGracePeriodSeconds) (add $v.drainSeconds 25 | int) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d: after drainSeconds (%d) open requests have 20 s, and what is left needs 5" (int $v.terminationGracePeriodSeconds) (int $v.drainSeconds)) -}}
{{- end -}}
{{- if and (eq $v.refresh.by "jobs") (not $v.refresh.jobs) -}}
{{- fail "refresh.by: jobs needs refresh.jobs" -}}
{{- end -}}
{{- if and $v.tls.clientCA (not $v.tls.secret) -}}
{{- fail "tls.clientCA needs tls.secret" -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}
{{- fail "ingress.enabled needs ingress.host" -}}
{{- end -}}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs, the Gateway" -}}
{{- end -}}
{{- $others := dict "listen" "fixed" "admin_listen" "fixed" "data" "fixed" "journal" "fixed" "cache" "fixed" "demo" "fixed" "redis" "secrets.redis" "refresh" "refresh.by" "drain_delay" "drainSeconds" "tls_cert" "tls.secret" "tls_key" "tls.secret" "tls_client_ca" "tls.clientCA" "publish" "publish.url" "manifest_valid" "publish.manifestValid" "follow" "follow.url" "follow_key" "follow.keys" -}}
{{- range $setting, $_ := $v.settings -}}
{{- $other := get $others $setting -}}
{{- if eq $other "fixed" -}}
{{- fail (printf "settings.%s: the chart sets this itself" $setting) -}}
{{- else if $other -}}
{{- fail (printf "settings.%s: use %s" $setting $other) -}}
{{- else if or (hasKey $v.secrets $setting) (regexMatch "^pepper$|_(password|secret|secret_key|token)$|^(bootstrap|record|customer|bucket_access|edge_access|shadow_[a-z]+)_key$" $setting) -}}
{{- fail (printf "settings.%s: this is a secret, use secrets.%s" $setting $setting) -}}
{{- end -}}
{{- end -}}
{{- $tmp := include "interdict.bytes" $v.tmpSize | int64 -}}
{{- with get $v.resources.limits "ephemeral-storage" -}}
{{- if lt (include "interdict.bytes" . | int64) $tmp -}}
{{- fail (printf "resources.limits.ephemeral-storage is %s, less than tmpSize (%s): a large upload would end the pod" . $v.tmpSize) -}}
{{- end -}}
{{- end -}}
{{- if lt $tmp (mul (get $v.settings "upload_space" | default 8192 | int64) 1048576) -}}
{{- fail (printf "tmpSize is %s, less than the setting upload_space (in megabytes; 8192 without it): a large upload would end the pod" $v.tmpSize) -}}
{{- end -}}
{{- end -}}
