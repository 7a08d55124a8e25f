{{/* The name of the chart. */}}
{{- define "cloud-policy-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the objects. The name of a release may contain dots, the name of a Service may not. */}}
{{- define "cloud-policy-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "cloud-policy-operator.name" . }}
{{- $release := .Release.Name | replace "." "-" }}
{{- if contains $name $release }}
{{- $release | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" $release $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The labels that select the pods. They must never change. */}}
{{- define "cloud-policy-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cloud-policy-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The labels of every object. Maps are merged, so that no label appears twice. */}}
{{- define "cloud-policy-operator.labels" -}}
{{- $own := include "cloud-policy-operator.selectorLabels" . | fromYaml }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/part-of" "cloud-policy-operator" }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $own .Values.commonLabels) }}
{{- end }}

{{/*
The metadata of an object. Arguments: "root"; optional "name" (default: the full name), "namespace", "annotations", and
"labels", which override the labels of every object. The result is built as a map, so that text that looks like a number stays
text and no label appears twice.
*/}}
{{- define "cloud-policy-operator.metadata" -}}
{{- $labels := merge (dict) (default (dict) .labels) (include "cloud-policy-operator.labels" .root | fromYaml) }}
{{- $name := default (include "cloud-policy-operator.fullname" .root) .name }}
{{- $metadata := dict "name" $name "labels" $labels }}
{{- range $field := list "namespace" "annotations" }}
{{- with get $ $field }}
{{- $_ := set $metadata $field . }}
{{- end }}
{{- end }}
{{- toYaml $metadata }}
{{- end }}

{{/* The labels of the pods. They omit the version of the chart, so that a new chart version alone does not replace pods. */}}
{{- define "cloud-policy-operator.podLabels" -}}
{{- $own := include "cloud-policy-operator.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/part-of" "cloud-policy-operator" }}
{{- toYaml (merge $own .Values.podLabels .Values.commonLabels) }}
{{- end }}

{{/* The name of the ServiceAccount. */}}
{{- define "cloud-policy-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "cloud-policy-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The image, by digest if one is set. A registry of the parent chart replaces the one of the repository. */}}
{{- define "cloud-policy-operator.image" -}}
{{- $repository := .Values.image.repository }}
{{- with (.Values.global).imageRegistry }}
{{- $repository = printf "%s/%s" . (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The Secrets for the image registry, those of the parent chart first, each once. */}}
{{- define "cloud-policy-operator.imagePullSecrets" -}}
{{- $secrets := list }}
{{- range concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) }}
{{- $secrets = append $secrets (ternary (dict "name" .) . (kindIs "string" .)) }}
{{- end }}
{{- with uniq $secrets }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Whether the cluster chooses the user and the groups of pods, and refuses those of a pod. */}}
{{- define "cloud-policy-operator.choosesIds" -}}
{{- $adapt := default "auto" (((.Values.global).compatibility).openshift).adaptSecurityContext }}
{{- $found := .Capabilities.APIVersions.Has "security.openshift.io/v1/SecurityContextConstraints" }}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") $found) }}yes{{ end }}
{{- end }}

{{/* A security context as the cluster accepts it. Arguments: "root", "context". */}}
{{- define "cloud-policy-operator.securityContext" -}}
{{- if include "cloud-policy-operator.choosesIds" .root }}
{{- toYaml (omit .context "runAsUser" "runAsGroup" "fsGroup") }}
{{- else }}
{{- toYaml .context }}
{{- end }}
{{- end }}

{{/* The fields of the pod spec that the chart sets, each with the value to use instead. */}}
{{- define "cloud-policy-operator.podFields" -}}
affinity: affinity
automountServiceAccountToken: ""
containers: extraContainers
dnsConfig: dnsConfig
enableServiceLinks: ""
hostAliases: hostAliases
imagePullSecrets: imagePullSecrets
nodeSelector: nodeSelector
priorityClassName: priorityClassName
securityContext: podSecurityContext
serviceAccount: serviceAccount.name
serviceAccountName: serviceAccount.name
terminationGracePeriodSeconds: terminationGracePeriodSeconds
tolerations: tolerations
topologySpreadConstraints: topologySpreadConstraints
volumes: extraVolumes
{{- end }}

{{/*
The name of the Lease. With a selector it is that of the release: a rollout with another selector must not run beside the old
pod.
*/}}
{{- define "cloud-policy-operator.leaseName" -}}
{{- $shard := printf "%s-shard" (include "cloud-policy-operator.fullname" . | trunc 57 | trimSuffix "-") }}
{{- default (ternary $shard "cloud-policy-operator" (not (empty .Values.scope.selector))) .Values.operator.leaseName }}
{{- end }}

{{/* The namespaces in which Connections may read Secrets, as YAML. Default: scope.namespaces. */}}
{{- define "cloud-policy-operator.tenants" -}}
{{- toYaml (dict "namespaces" (default .Values.scope.namespaces .Values.tenantConnections.namespaces)) }}
{{- end }}

{{/* Whether ClusterConnections can be installed now: their kind exists, or the chart does not install it. */}}
{{- define "cloud-policy-operator.connectionsFit" -}}
{{- if or (not .Values.crds.enabled) (.Capabilities.APIVersions.Has "cloudpolicy.dev/v1alpha1/ClusterConnection") }}yes{{ end }}
{{- end }}

{{/* Fails if values contradict each other, before Helm installs anything. */}}
{{- define "cloud-policy-operator.check" -}}
{{- with .Values.scope.namespaces }}
{{- if not $.Values.operator.clusterId }}
{{- fail "operator.clusterId must be set together with scope.namespaces: a namespaced installation cannot read the uid of kube-system. Set it to this uid and never change it." }}
{{- end }}
{{- if $.Values.connections }}
{{- fail "connections creates ClusterConnections, which a namespaced installation (scope.namespaces) cannot use. Leave it empty and apply Connections in the namespaces." }}
{{- end }}
{{- range $.Values.tenantConnections.namespaces }}
{{- if not (has . $.Values.scope.namespaces) }}
{{- fail (printf "tenantConnections.namespaces names %q, which scope.namespaces does not: the operator would not watch it." .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (has "*" .Values.tenantConnections.namespaces) (gt (len .Values.tenantConnections.namespaces) 1) }}
{{- fail "tenantConnections.namespaces must be either [\"*\"] or a list of names." }}
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (lt (int .Values.replicaCount) 2) }}
{{- fail "podDisruptionBudget.enabled needs replicaCount: 2 or more: with one replica it would have no effect, or block the draining of nodes." }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- fail "serviceMonitor.enabled and podMonitor.enabled exclude each other: Prometheus would scrape and count each pod twice." }}
{{- end }}
{{- $fields := include "cloud-policy-operator.podFields" . | fromYaml }}
{{- range $field, $_ := .Values.podSpecExtra }}
{{- if hasKey $fields $field }}
{{- $instead := get $fields $field }}
{{- fail (printf "podSpecExtra.%s is not possible, because the chart sets this field.%s" $field (ternary (printf " Set %s." $instead) "" (not (empty $instead)))) }}
{{- end }}
{{- end }}
{{- range .Values.operator.extraEnv }}
{{- if and (has (upper .name) (list "HTTP_PROXY" "HTTPS_PROXY" "ALL_PROXY")) (ne $.Values.operator.httpsProxy "env") }}
{{- fail (printf "operator.extraEnv sets %s, which the operator does not use: set operator.httpsProxy to the address of the proxy, or to env." .name) }}
{{- end }}
{{- end }}
{{- if and .Values.operator.httpsProxy .Values.operator.allowHttp }}
{{- fail "operator.httpsProxy and operator.allowHttp exclude each other: a proxy would see the credentials of a request without TLS." }}
{{- end }}
{{- if and (or .Values.operator.noProxy .Values.operator.proxySecretName) (not .Values.operator.httpsProxy) }}
{{- fail "operator.noProxy and operator.proxySecretName have no effect without operator.httpsProxy: set it." }}
{{- end }}
{{- range .Values.extraContainers }}
{{- if eq .name "operator" }}
{{- fail "a container of extraContainers must not be named operator: the container of the chart has this name." }}
{{- end }}
{{- end }}
{{- $name := include "cloud-policy-operator.fullname" . }}
{{- if not (regexMatch "^[a-z]" $name) }}
{{- fail (printf "a Service cannot be named %q: it must begin with a letter. Set fullnameOverride, or choose another release name." $name) }}
{{- end }}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.operator.leaderElect) }}
{{- fail "operator.leaderElect must be true with replicaCount: 2 or more: two replicas would write at the same time." }}
{{- end }}
{{- end }}
