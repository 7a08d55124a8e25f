{{/* The chart's name. */}}
{{- define "cloud-policy-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of its objects. A release may have dots in its name, a Service may not. */}}
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

{{/* What selects the pods; never changes. */}}
{{- define "cloud-policy-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cloud-policy-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The labels of every object. Merged as maps, so that none of the chart's own is there twice. */}}
{{- define "cloud-policy-operator.labels" -}}
{{- $own := include "cloud-policy-operator.selectorLabels" . | fromYaml }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/part-of" "cloud-policy-operator" }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $own .Values.commonLabels) }}
{{- end }}

{{/*
The metadata of an object: called with the root; the name, if it is not that of the others; and where there are any the
namespace, annotations, and labels, which win over those of every object. Made as a map, so that what looks like a number
stays text and no label is there twice.
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

{{/* The labels of the pods. Without the chart's version, which is no reason to replace them. */}}
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

{{/* The image, by digest if there is one. */}}
{{- define "cloud-policy-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Where Connections may read Secrets: in a namespaced install everywhere, unless told otherwise. As YAML. */}}
{{- define "cloud-policy-operator.tenants" -}}
{{- toYaml (dict "namespaces" (default .Values.scope.namespaces .Values.tenantConnections.namespaces)) }}
{{- end }}

{{/* Whether ClusterConnections can be installed now: the chart does not bring their kind, or brought it before. */}}
{{- define "cloud-policy-operator.connectionsFit" -}}
{{- if or (not .Values.crds.enabled) (.Capabilities.APIVersions.Has "cloudpolicy.dev/v1alpha1/ClusterConnection") }}yes{{ end }}
{{- end }}

{{/* Values that contradict each other, found before anything is installed. */}}
{{- define "cloud-policy-operator.check" -}}
{{- with .Values.scope.namespaces }}
{{- if not $.Values.operator.clusterId }}
{{- fail "operator.clusterId must be set together with scope.namespaces: a namespaced install may not read the uid of kube-system. Give this uid; it must never change." }}
{{- end }}
{{- if $.Values.connections }}
{{- fail "connections creates ClusterConnections, which a namespaced install (scope.namespaces) cannot use: leave it empty and apply Connections in the namespaces." }}
{{- end }}
{{- range $.Values.tenantConnections.namespaces }}
{{- if not (has . $.Values.scope.namespaces) }}
{{- fail (printf "tenantConnections.namespaces names %q, which scope.namespaces does not: the operator would not look at it." .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (has "*" .Values.tenantConnections.namespaces) (gt (len .Values.tenantConnections.namespaces) 1) }}
{{- fail "tenantConnections.namespaces is either [\"*\"] or a list of names." }}
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (lt (int .Values.replicaCount) 2) }}
{{- fail "podDisruptionBudget.enabled needs replicaCount: 2 or more: with one replica it would protect nothing, or block the draining of nodes." }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- fail "serviceMonitor.enabled and podMonitor.enabled exclude each other: Prometheus would read and count each pod twice." }}
{{- end }}
{{- $name := include "cloud-policy-operator.fullname" . }}
{{- if not (regexMatch "^[a-z]" $name) }}
{{- fail (printf "a Service cannot be named %q: it must begin with a letter. Set fullnameOverride, or name the release differently." $name) }}
{{- end }}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.operator.leaderElect) }}
{{- fail "operator.leaderElect must be true with replicaCount: 2 or more: two replicas would both work." }}
{{- end }}
{{- end }}
