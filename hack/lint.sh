#!/usr/bin/env bash
# Runs every check of the sources that needs no server. A failed check does not stop the others, so one run shows all
# faults. Installs no system packages: `make tools` does.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

failed=()

# step NAME COMMAND...: runs a check and prints whether it passed. A check itself prints only faults, and parts that it
# cannot check.
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

# sources EXTENSION: prints the files of the project with this extension, without build output and hidden folders.
sources() {
    find . \( -name target -o -name '.?*' \) -prune -o -type f -name "*.$1" -print0
}

dependencies() {
    cargo-deny --log-level error --locked check bans licenses sources
}

# tests ARGUMENT...: runs these tests and prints their output only if they fail. It fails if no test matches.
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
    # The same flags as in build.sh of these folders, so that both share the build cache.
    local folder
    for folder in tests/controlplane tests/gitops; do
        (cd "$folder" && GOWORK=off GOFLAGS='' CGO_ENABLED=0 go vet -mod=readonly -trimpath .) || return
    done
}

# Builds the site. A broken link fails.
documentation() {
    hack/docs.sh >/dev/null
}

# Lints the chart with both versions of Helm and each values file of the tests, and compares its generated files.
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

# actionlint checks the syntax and types of the workflows, zizmor their security.
workflows() {
    local findings
    actionlint -pyflakes= .github/workflows/*.yml || return
    findings=$(zizmor --quiet --offline --pedantic --strict-collection .github 2>&1) || {
        printf '%s\n' "$findings"
        return 1
    }
}

# Checks that the SBOM is complete JSON with a plausible number of components.
sbom() {
    hack/sbom.py | python3 -c 'import json, sys; assert len(json.load(sys.stdin)["components"]) > 100'
}

commits() {
    hack/commits.sh --self-test && hack/commits.sh
}

hack/require.sh cargo cc git go pip python3 || exit
tools=$(hack/tools.sh) || exit
helms=$(hack/helm.sh) || exit
PATH=$tools:$PATH
hack/require.sh shellcheck || exit
step commits commits
step format cargo fmt --all --check
step shell shell_code
step python python_code
step workflows workflows
step sbom sbom
step dependencies dependencies
step clippy cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
step architecture tests --test it architecture::
step generated tests --lib crds::
step kinds tests --test it packaging::kind_lists::
step docs documentation
step chart chart
step go go_code

if ((${#failed[@]})); then
    printf 'lint: failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
