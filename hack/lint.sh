#!/usr/bin/env bash
# Everything that can be said of the sources without running the product's tests. Every check
# runs, so that one run shows all that is wrong.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

failed=()

# step NAME COMMAND...: runs the check; its output shows only when there is something to say.
step() {
    local name=$1 started=$SECONDS
    shift
    if "$@"; then
        printf 'lint: %-12s ok, %s s\n' "$name" "$((SECONDS - started))"
    else
        printf 'lint: %-12s FAILED\n' "$name"
        failed+=("$name")
    fi
}

# Every file with this extension that is ours: nothing built, fetched or hidden.
sources() {
    find . \( -name target -o -name '.?*' \) -prune -o -type f -name "*.$1" -print0
}

dependencies() {
    cargo-deny --log-level error --locked check bans licenses sources
}

# tests WHAT...: the named tests, silent when they pass. A name that fits none is a failure.
tests() {
    local output
    if output=$(cargo test --quiet --locked --workspace "$@" 2>&1) &&
        grep -q ' ok\. [1-9][0-9]* passed' <<<"$output"; then return; fi
    printf '%s\n' "$output"
    return 1
}

go_code() {
    local unformatted
    unformatted=$(gofmt -l tests/controlplane tests/gitops)
    if [[ -n $unformatted ]]; then
        printf 'not formatted: %s\n' "$unformatted"
        return 1
    fi
    # The flags of the build.sh there, so that both use one build cache.
    local folder
    for folder in tests/controlplane tests/gitops; do
        (cd "$folder" && GOWORK=off GOFLAGS='' CGO_ENABLED=0 go vet -mod=readonly -trimpath .) || return
    done
}

# Builds the site; a link that leads nowhere fails.
documentation() {
    hack/docs.sh >/dev/null
}

# By both Helms, with every file of values that the tests use; what is generated is in step.
chart() {
    local helm folder=charts/cloud-policy-operator said values
    for helm in "$helms"/{3,4}/helm; do
        for values in "$folder"/{values.yaml,ci/*.yaml}; do
            said=$("$helm" lint --strict --values "$values" "$folder" 2>&1) || {
                printf '%s\n' "$said"
                return 1
            }
        done
    done
    tests --test it packaging::chart::generated
}

python_code() {
    sources py | xargs -0 -r ruff format --quiet --no-cache --diff -- || return
    sources py | xargs -0 -r ruff check --quiet --no-cache --
}

shell_code() {
    { sources sh && printf '.ci/run\0'; } | xargs -0 shellcheck --external-sources --source-path SCRIPTDIR --
}

# Syntax and types of workflows; then what an attacker could do with them.
workflows() {
    local findings
    actionlint -pyflakes= .github/workflows/*.yml || return
    findings=$(zizmor --quiet --offline --pedantic --strict-collection .github 2>&1) || {
        printf '%s\n' "$findings"
        return 1
    }
}

# What the release says of its contents, from the lock file and the pins.
sbom() {
    hack/sbom.py | python3 -c 'import json, sys; assert len(json.load(sys.stdin)["components"]) > 100'
}

hack/need.sh cargo cc go python3 || exit
tools=$(hack/tools.sh) || exit
helms=$(hack/helm.sh) || exit
PATH=$tools:$PATH
hack/need.sh shellcheck || exit
step format cargo fmt --all --check
step shell shell_code
step python python_code
step workflows workflows
step sbom sbom
step dependencies dependencies
step clippy cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
step architecture tests --test it architecture::
step generated tests --lib crds::
step docs documentation
step chart chart
step go go_code

if ((${#failed[@]})); then
    printf 'lint: failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
