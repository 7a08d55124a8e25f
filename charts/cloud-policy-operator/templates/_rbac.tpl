{{/*
What the operator may do. deploy/base/rbac.yaml grants the same, and the tests of the operator run under that;
a test holds both together.
*/}}

{{/* The subject of every binding. */}}
{{- define "cloud-policy-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "cloud-policy-operator.serviceAccountName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}

{{/* A role with its binding. Called with the root, a name, the rules as text, and the namespace; none for the whole cluster. */}}
{{- define "cloud-policy-operator.grant" -}}
{{- $kind := ternary "Role" "ClusterRole" (hasKey . "namespace") -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  {{- include "cloud-policy-operator.metadata" . | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  {{- include "cloud-policy-operator.metadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ .name | quote }}
subjects:
  {{- include "cloud-policy-operator.subjects" .root | nindent 2 }}
{{- end }}

{{/* In the whole cluster: the four kinds, and no Secret. */}}
{{- define "cloud-policy-operator.clusterRules" -}}
# Read them, and put the finalizer on and off.
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each managed kind: {plural} */}}
    - policies
    - networkpolicies
  verbs: [list, watch, patch]
# `get` answers at a start whether the connection that an object names is there.
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each connection kind: {plural} */}}
    - connections
    - clusterconnections
  verbs: [get, list, watch, patch]
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each kind: {plural}/status */}}
    - policies/status
    - networkpolicies/status
    - connections/status
    - clusterconnections/status
  verbs: [patch]
# The uid of kube-system identifies the cluster; others are asked whether they are terminating.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# While these are being deleted, what they describe is left alone upstream.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: {{- /* generated for each managed kind: {plural}.{group} */}}
    - policies.cloudpolicy.dev
    - networkpolicies.cloudpolicy.dev
  verbs: [get]
# An event stands in the namespace of what it speaks of; one that happens again is counted.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* In each namespace that a namespaced install looks after. */}}
{{- define "cloud-policy-operator.namespaceRules" -}}
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each managed kind: {plural} */}}
    - policies
    - networkpolicies
  verbs: [list, watch, patch]
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each namespaced connection kind: {plural} */}}
    - connections
  verbs: [get, list, watch, patch]
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each namespaced kind: {plural}/status */}}
    - policies/status
    - networkpolicies/status
    - connections/status
  verbs: [patch]
# Whether it is terminating.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* In its own namespace: the Secrets of ClusterConnections, where there are any, and the Lease. */}}
{{- define "cloud-policy-operator.ownRules" -}}
{{- if not .Values.scope.namespaces }}
# Watched, so that a rotated key is taken up at once.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
{{- end }}
# A name cannot limit `create`.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [cloud-policy-operator]
  verbs: [get, update]
{{- end }}

{{/* Where Connections work. `get` only: no list and no watch, so nothing is read that no Connection names. */}}
{{- define "cloud-policy-operator.tenantRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
