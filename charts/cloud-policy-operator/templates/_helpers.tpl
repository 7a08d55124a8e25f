{{/* The chart's name. */}}
{{- define "cloud-policy-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of its objects. */}}
{{- define "cloud-policy-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "cloud-policy-operator.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What selects the pods; never changes. */}}
{{- define "cloud-policy-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cloud-policy-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels of every object. */}}
{{- define "cloud-policy-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "cloud-policy-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cloud-policy-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
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

{{/* The subject of every binding. */}}
{{- define "cloud-policy-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "cloud-policy-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* The rules for objects, in each namespace that is looked after. */}}
{{- define "cloud-policy-operator.objectRules" -}}
- apiGroups: [cloudpolicy.dev]
  resources: [policies, networkpolicies, connections]
  verbs: [get, list, watch, patch]
- apiGroups: [cloudpolicy.dev]
  resources: [policies/status, networkpolicies/status, connections/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Whether the namespace of an object that cannot be deleted upstream is itself going.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}

{{/* Values that contradict each other, found before anything is installed. */}}
{{- define "cloud-policy-operator.check" -}}
{{- if and .Values.scope.namespaces (not .Values.operator.clusterId) }}
{{- fail "operator.clusterId must be set together with scope.namespaces: a namespaced install may not read the uid of kube-system. Choose a text that no other cluster uses, and never change it." }}
{{- end }}
{{- if and .Values.scope.namespaces .Values.connections }}
{{- fail "connections creates ClusterConnections, which a namespaced install (scope.namespaces) cannot use: leave it empty and apply Connections in the namespaces." }}
{{- end }}
{{- if and .Values.scope.namespaces (has "*" .Values.tenantConnections.namespaces) }}
{{- fail "tenantConnections.namespaces may not be [\"*\"] together with scope.namespaces: name the namespaces." }}
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (lt (int .Values.replicaCount) 2) }}
{{- fail "podDisruptionBudget.enabled needs replicaCount: 2 or more: with one replica it would block the draining of nodes." }}
{{- end }}
{{- end }}
