{{/*
The permissions of the operator. deploy/base/rbac.yaml grants the same permissions, and the tests of the operator run with them.
A test compares both.
*/}}

{{/* The subject of every binding. */}}
{{- define "cloud-policy-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "cloud-policy-operator.serviceAccountName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}

{{/* A role and its binding. Arguments: "root", "name", "rules" as text, and "namespace"; without it a ClusterRole. */}}
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

{{/* Permissions in the whole cluster: the five kinds, and no Secrets. */}}
{{- define "cloud-policy-operator.clusterRules" -}}
# The operator watches them, and adds and removes the finalizer.
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each managed kind: {plural} */}}
    - policies
    - networkpolicies
  verbs: [list, watch, patch]
# At start, `get` checks whether the connection of an object exists.
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
    - policyapprovals/status
  verbs: [patch]
# What may be changed that grants more. The operator records the use of an approval in its status.
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each approval kind: {plural} */}}
    - policyapprovals
  verbs: [list, watch]
# The uid of kube-system identifies the cluster. The operator checks whether other namespaces are terminating.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# While one of these is being deleted, the operator deletes no upstream objects of its kind.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: {{- /* generated for each managed kind: {plural}.{group} */}}
    - policies.cloudpolicy.dev
    - networkpolicies.cloudpolicy.dev
  verbs: [get]
# An event is in the namespace of its object. `patch` updates the count of a repeated event.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Permissions in each namespace that a namespaced installation watches. */}}
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
    - policyapprovals/status
  verbs: [patch]
- apiGroups: [cloudpolicy.dev]
  resources: {{- /* generated for each approval kind: {plural} */}}
    - policyapprovals
  verbs: [list, watch]
# The operator checks whether the namespace is terminating.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Permissions in the namespace of the operator: the Secrets of ClusterConnections, if they can be used, and the Lease. */}}
{{- define "cloud-policy-operator.ownRules" -}}
{{- if not .Values.scope.namespaces }}
# The operator watches Secrets, so that it uses a rotated key at once.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
{{- end }}
# RBAC cannot limit `create` to a name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "cloud-policy-operator.leaseName" . }}]
  verbs: [get, update]
{{- end }}

{{/* Permissions where Connections work. Only `get`, so that the operator reads only Secrets that a Connection names. */}}
{{- define "cloud-policy-operator.tenantRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
