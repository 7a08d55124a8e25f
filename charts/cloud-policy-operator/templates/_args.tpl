{{/* The arguments of the operator. int64 formats numbers, because a million would otherwise be 1e+06. */}}
{{- define "cloud-policy-operator.args" -}}
- run
{{- with .Values.scope.namespaces }}
- {{ printf "--watch-namespaces=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.scope.selector }}
- {{ printf "--watch-selector=%s" . | quote }}
{{- end }}
{{- if or .Values.scope.selector .Values.operator.leaseName }}
- {{ printf "--lease-name=%s" (include "cloud-policy-operator.leaseName" .) | quote }}
{{- end }}
{{- with .Values.tenantConnections.namespaces }}
- {{ printf "--tenant-namespaces=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.operator }}
{{- with .allowedHosts }}
- {{ printf "--allowed-hosts=%s" (join "," .) | quote }}
{{- end }}
{{- if .allowPrivateAddresses }}
- --allow-private-addresses
{{- end }}
{{- if .allowHttp }}
- --allow-http
{{- end }}
{{- with .httpsProxy }}
- {{ printf "--https-proxy=%s" . | quote }}
{{- end }}
{{- with .noProxy }}
- {{ printf "--no-proxy=%s" (join "," .) | quote }}
{{- end }}
{{- with .clusterId }}
- {{ printf "--cluster-id=%s" . | quote }}
{{- end }}
- --create-grace-seconds={{ int64 .createGraceSeconds }}
- --connection-interval-seconds={{ int64 .connectionIntervalSeconds }}
- --concurrency={{ int64 .concurrency }}
- --delete-limit={{ int64 .deleteLimit }}
- --delete-window-seconds={{ int64 .deleteWindowSeconds }}
- --object-memory-mib={{ int64 .objectMemoryMib }}
- --holders={{ .holders }}
- --leader-elect={{ .leaderElect }}
- {{ printf "--listen=%s:8080" .listenAddress | quote }}
- --log-format={{ .logFormat }}
- {{ printf "--log-filter=%s" .logFilter | quote }}
{{- with .extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}
