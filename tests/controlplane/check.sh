#!/usr/bin/env bash
# Checks the control plane: starts it, uses it through its kubectl, restarts it
# and stops it. Fails at the first difference from README.md.
set -euo pipefail

# The server checks every 10 s which snapshots a compaction removed.
readonly stop_seconds=5 settle_seconds=20

bin=$("$(dirname "${BASH_SOURCE[0]}")/build.sh")
state=$(mktemp -d)
server=
trap 'if [[ -n $server ]]; then kill -KILL "$server" 2>/dev/null || true; fi; rm -rf -- "$state"' EXIT

die() {
    printf 'check: FAILED: %s\n' "$*" >&2
    if [[ -f $state/controlplane.log ]]; then tail -n 20 -- "$state/controlplane.log" >&2; fi
    exit 1
}
ok() { printf 'check: %s\n' "$*"; }
kube() { "$bin/kubectl" --kubeconfig "$state/kubeconfig" --cache-dir "$state/kubectl" --request-timeout 10s "$@"; }

# within SECONDS COMMAND...: repeats the command until it succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}
absent() { [[ -z $(kube get "$@" --ignore-not-found --output name) ]]; }
ended() { ! kill -0 "$server" 2>/dev/null; }
resident() { awk '/^VmRSS/ { print int($2 / 1024) " MB" }' "/proc/$server/status"; }

# start FLAGS...: starts the server. The descriptor `input` is its standard input.
start() {
    local word
    coproc SERVER { exec "$bin/controlplane" --dir "$state" "$@" 2>>"$state/console"; }
    # bash unsets these variables when the process ends.
    server=$SERVER_PID
    exec {input}>&"${SERVER[1]}" {output}<&"${SERVER[0]}"
    eval "exec ${SERVER[1]}>&-"
    read -r -t 200 -u "$output" word url kubeconfig seconds || die "no READY line: $(cat "$state/console")"
    [[ $word == READY && $kubeconfig == "$state/kubeconfig" ]] || die "unexpected line: $word $url $kubeconfig"
    ok "ready in $seconds s, $(resident)"
}

# stopped HOW: waits until the process stops, and checks its exit status.
stopped() {
    within "$stop_seconds" ended || die "still running $stop_seconds s after $1"
    local status=0
    wait "$server" || status=$?
    server=
    [[ $status == 0 ]] || die "exit status $status after $1"
    if read -r -u "$output" line; then die "more than one line on standard output: $line"; fi
    exec {output}<&-
    ok "ended after $1"
}

widgets() {
    cat <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.check.example}
spec:
  group: check.example
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: {low: {type: integer}, high: {type: integer}}
              x-kubernetes-validations: [{rule: self.low <= self.high, message: low exceeds high}]
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
YAML
}
# widget NAME LOW HIGH [OWNER UID]
widget() {
    local owners=
    if [[ $# == 5 ]]; then
        owners=", ownerReferences: [{apiVersion: check.example/v1, kind: Widget, name: $4, uid: $5}]"
    fi
    printf '%s\n' "{apiVersion: check.example/v1, kind: Widget, metadata: {name: $1, namespace: room$owners}, spec: {low: $2, high: $3}}"
}

check_versions() {
    local versions
    versions=$(kube version --output json)
    [[ $(grep -c '"gitVersion": "v1\.36\.' <<<"$versions") == 2 ]] || die "versions: $versions"
    kube get namespaces default kube-system >/dev/null || die "namespaces missing"
    ok "kubectl and server are $(grep -om1 'v1\.36\.[0-9]*' <<<"$versions")"
}

check_custom_resources() {
    kube create namespace room >/dev/null
    widgets | kube create --filename - >/dev/null
    kube wait --for=condition=Established crd/widgets.check.example --timeout 15s >/dev/null
    within "$settle_seconds" kube get widgets --namespace room || die "the new kind is not served"
    widget grandparent 1 2 | kube create --filename - >/dev/null
    local refusal
    refusal=$(widget wrong 2 1 | kube create --filename - 2>&1) && die "CEL accepted an invalid object"
    [[ $refusal == *"low exceeds high"* ]] || die "refused, but not by CEL: $refusal"
    ok "custom resources are served and validated by CEL"
}

uid() { kube get widget "$1" --namespace room --output 'jsonpath={.metadata.uid}'; }

check_garbage_collection() {
    widget parent 1 2 grandparent "$(uid grandparent)" | kube create --filename - >/dev/null
    widget child 1 2 parent "$(uid parent)" | kube create --filename - >/dev/null
    local since=$EPOCHREALTIME
    kube delete widget grandparent --namespace room >/dev/null
    within "$settle_seconds" absent widgets --namespace room || die "dependents were left"
    ok "a chain of owners was deleted in $(elapsed "$since") s"
}

check_namespace_deletion() {
    widget held 1 2 | kube create --filename - >/dev/null
    kube patch widget held --namespace room --type merge --patch '{"metadata":{"finalizers":["check.example/hold"]}}' >/dev/null
    kube delete namespace room --wait=false >/dev/null
    sleep 2
    if absent namespace room; then die "the namespace was removed in spite of a finalizer"; fi
    local since=$EPOCHREALTIME
    kube patch widget held --namespace room --type merge --patch '{"metadata":{"finalizers":[]}}' >/dev/null
    within "$settle_seconds" absent namespace room || die "the namespace stayed"
    ok "a namespace waited for a finalizer, and was then removed in $(elapsed "$since") s"
}

elapsed() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

check_rbac() {
    local someone=(--as someone) account=(--as system:serviceaccount:default:robot)
    if kube "${someone[@]}" get secrets >/dev/null 2>&1; then die "RBAC let a user without a role read"; fi
    kube create serviceaccount robot >/dev/null
    kube create role reader --verb get,list --resource secrets >/dev/null
    kube create rolebinding robot --role reader --serviceaccount default:robot >/dev/null
    within "$settle_seconds" kube "${account[@]}" get secrets >/dev/null || die "RBAC refused what a role allows"
    if kube "${account[@]}" create secret generic any >/dev/null 2>&1; then die "RBAC let a reader write"; fi
    local token user
    token=$(kube create token robot)
    # This access has no client certificate: the administrator's certificate would take precedence over the token.
    user=$(KUBECONFIG=$state/kubeconfig "$bin/kubectl" config view --minify --raw --output 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
    base64 --decode <<<"$user" >"$state/ca.crt"
    "$bin/kubectl" --kubeconfig /dev/null --server "$url" --certificate-authority "$state/ca.crt" --token "$token" \
        get secrets >/dev/null 2>&1 || die "a service account's token was refused"
    ok "RBAC holds for impersonation and for tokens"
}

# gone PATH: whether the server answers that this resource version has expired.
gone() {
    local answer
    answer=$(kube get --raw "$1" 2>&1 || true)
    [[ $answer == *Expired* || $answer == *'"code":410'* ]]
}
check_compaction() {
    local list
    past=$(kube create configmap first --output 'jsonpath={.metadata.resourceVersion}')
    kube create configmap second >/dev/null
    list="/api/v1/configmaps?resourceVersionMatch=Exact&resourceVersion=$past"
    if gone "$list"; then die "the old resource version expired before the compaction"; fi
    kill -USR1 "$server"
    within "$settle_seconds" gone "$list" || die "the old resource version is still readable after a compaction"
    ok "SIGUSR1 makes old resource versions expire (410)"
}

check_restart() {
    kill -TERM "$server"
    stopped SIGTERM
    exec {input}>&-
    start --port "${url##*:}"
    kube get configmap second >/dev/null || die "data did not survive the restart"
    gone "/api/v1/configmaps?watch=1&timeoutSeconds=1&resourceVersion=$past" || die "a watch from before the restart was not refused"
    ok "data, certificates and port survive a restart; older watches get 410"
}

check_early_end() {
    "$bin/controlplane" --dir "$state/early" </dev/null || die "status $? when told to end while starting"
    ok "ended while starting"
}

check_stdin() {
    exec {input}>&-
    stopped "the end of standard input"
}

start
check_versions
check_custom_resources
check_garbage_collection
check_namespace_deletion
check_rbac
check_compaction
check_restart
check_stdin
check_early_end
ok "passed"
