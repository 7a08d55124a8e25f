#!/usr/bin/env bash
# Checks the messages of all commits after $base: subject and body follow the rules in CONTRIBUTING.md. Merge commits
# and commits of bots are exempt. Without the history, as in a tarball or a shallow clone, it prints that it checks
# nothing, and succeeds.
#
#   hack/commits.sh
#   hack/commits.sh --self-test     # checks that each rule refuses a bad message
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8 # Lengths are in characters.

# The last commit before the rules.
readonly base=12ac868086049019c0b3c5a1d4c454b72c608423
readonly longest=72

# Areas are paths in lower case, or files whose names have capitals.
readonly lower='\.?[a-z0-9][a-z0-9._-]*'
readonly file='(CHANGELOG|CODEOWNERS|CONTRIBUTING|Cargo|Containerfile|LICENSE|Makefile|README|SECURITY)(\.[a-z]+)?'
readonly path="($lower(/$lower)*(/$file)?|$file)"
readonly form="^$path(, $path)*: (.+)\$"

# Types of conventional commits are no areas.
readonly types="^(feat|fix|chore|refactor|perf|style)[:,]"

# Words that begin a statement and never a command.
readonly statements=" a an the this that these those it its there what when where which who whoever how why no nobody \
nothing every each is are was were has had does did made wrote gave took ran sent built kept told said went \
broke chose found left lost caught saw came began thought freed agreed guaranteed i we you they he she \
should must can will would could may might now not please wip typo misc cleanup various more new "
# Imperatives that look like a participle or like the third person.
readonly imperatives=" always embed hamstring imbed re-embed restring summons unstring "

# is_imperative WORD: fails for "added", "adding", "adds" and the words in $statements. A participle has a vowel before
# its ending, unlike "shred" or "bring"; no third person ends in -eed, -as, -is, -ss or -us, unlike "need" or "process".
is_imperative() {
    case $imperatives in *" $1 "*) return 0 ;; esac
    case $statements in *" $1 "*) return 1 ;; esac
    case $1 in
    *eed | *as | *is | *ss | *us) return 0 ;;
    *[aeiouy]*ed | *[aeiouy]*ing | *s) return 1 ;;
    esac
}

# faults MESSAGE: prints what is wrong with a commit message, one line for each rule.
faults() {
    local subject=${1%%$'\n'*} rest='' second word
    if [[ $1 == *$'\n'* ]]; then rest=${1#*$'\n'}; fi
    second=${rest%%$'\n'*}
    if ((${#subject} > longest)); then echo "the subject has ${#subject} characters, more than $longest"; fi
    if [[ $subject =~ [.!\;,…]$ ]]; then echo "the subject ends with a full stop or another mark"; fi
    if [[ $subject =~ $types ]]; then echo "the area is a type of change, not a part of the code"; fi
    if [[ $subject =~ $form ]]; then
        word=${BASH_REMATCH[-1]%% *}
        word=${word%[,;:]}
        if [[ ! $word =~ ^[a-z][a-z-]*$ ]]; then
            echo "the word after the area is not in lower case: $word"
        elif ! is_imperative "$word"; then
            echo "the word after the area is not an imperative: $word"
        fi
    else
        echo "the subject is not \"area: imperative\", such as \"controller/policy: requeue when the list is stale\""
    fi
    if [[ -n $second ]]; then echo "the second line is not blank"; fi
    # Blank lines and trailers give no reason.
    if ! grep -qvE '^([A-Za-z]+(-[A-Za-z]+)*: [^ ].*|(Closes|Fixes) #[0-9]+|[[:space:][:punct:]]*)$' <<<"$rest"; then echo "the body is empty: say why"; fi
}

# check FOLDER BASE: prints each commit after BASE that breaks a rule, and fails if there is one.
check() {
    local folder=$1 since=$2 hash author message found status=0
    if [[ $(git -C "$folder" rev-parse --show-toplevel 2>&1) != "$(realpath -- "$folder")" ]]; then
        echo "commits: checks nothing: this folder is not a git checkout, or git refuses to read it"
    elif ! git -C "$folder" merge-base --is-ancestor "$since" HEAD 2>/dev/null; then
        echo "commits: checks nothing: commit ${since:0:7} is not in this history (in a shallow clone: git fetch --unshallow)"
    else
        while IFS= read -r -d '' hash && IFS= read -r -d '' author && IFS= read -r -d '' message; do
            if [[ $author == *"[bot]" ]]; then continue; fi
            found=$(faults "$message")
            if [[ -z $found ]]; then continue; fi
            printf 'commits: %s %s\n' "$hash" "${message%%$'\n'*}"
            printf '    %s\n' "${found//$'\n'/$'\n'    }"
            status=1
        done < <(git -C "$folder" --no-replace-objects log -z --no-merges --format='%h%x00%an%x00%B' "$since..HEAD")
    fi
    return "$status"
}

# expect PATTERN MESSAGE: the faults of the message match the pattern; an empty pattern means no faults.
expect() {
    local found
    found=$(faults "$(printf '%b' "$2")")
    # shellcheck disable=SC2053 # The pattern is a glob.
    if [[ $found == $1 ]]; then return; fi
    printf 'commits: self-test: %q gives %q instead of %q\n' "$2" "$found" "$1"
    wrong=1
}

test_faults() {
    local good bad why='\n\nThe list may be stale.\n'
    for good in 'controller/policy: requeue when the list is stale' 'tests/faults: process each plan once' '.ci/run: call make tools first' \
        'hack, docs: address the review' 'README: embed the diagram' 'docs: need Go 1.26' 'api: always bring the default' 'hack: re-read it' \
        'deploy/Containerfile: pin the base' 'Cargo.toml: pin kube' 'src: shred the keys' 'src: focus, then bypass' "src: $(printf 'x%.0s' {1..67})"; do
        expect '' "$good$why"
    done
    for bad in 'added a test' 'requeuing it' 'fixes it' 'tried it' 'has a lock' 'the fence is asked in one place' 'what is held is told' 'no longer wait' 'we requeue it' 'broke it' 'must requeue' 'wip'; do
        expect '*is not an imperative*' "src: $bad$why"
    done
    for bad in 'Requeue it' 'src/Controller: requeue it' 'src controller: requeue it' 'src:requeue it' 'src: ' 'feat(src): requeue it'; do
        expect '*is not "area: imperative"*' "$bad$why"
    done
    expect '*is not in lower case*' "src: Requeue it$why"
    expect '*has 73 characters*' "src: $(printf 'ä%.0s' {1..68})$why"
    expect '*full stop*' "src: requeue it.$why"
    expect '*full stop*' "src: requeue it!$why"
    expect '*type of change*' "fix: requeue it$why"
    expect '*body is empty*' 'src: requeue it\n\nCloses: #1\n'
    expect '*second line is not blank*' 'src: requeue it\nThe list may be stale.'
    expect '*body is empty*' 'src: requeue it'
    expect '*body is empty*' 'src: requeue it\n\n \n'
    expect '*body is empty*' 'src: requeue it\n\nSigned-off-by: One <one@example.com>\n'
}

# test_git AUTHOR COMMAND...: runs git in the test repository.
test_git() { git -C "$scratch/full" -c user.name="$1" -c user.email=one@example.com "${@:2}"; }
commit() { test_git "$1" commit --quiet --allow-empty -m "$2"; }

# verdict STATUS PATTERN FOLDER: the status and the output of a check.
verdict() {
    local status=0 output
    output=$(check "$scratch/$3" "$since") || status=$?
    # shellcheck disable=SC2053 # The pattern is a glob.
    if [[ $status == "$1" && $output == $2 ]]; then return; fi
    printf 'commits: self-test: %s: status %s, output %q\n' "$3" "$status" "$output"
    wrong=1
}

test_history() {
    local since merge
    # Neither a calling git hook nor the settings of the user change the result.
    unset "${!GIT_@}"
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    mkdir -- "$scratch/tarball"
    git init --quiet --initial-branch main "$scratch/full"
    commit one 'A subject from before the rules'
    since=$(test_git one rev-parse HEAD)
    verdict 0 '' full
    commit one $'src: requeue it\n\nThe list may be stale.'
    commit 'dependabot[bot]' 'Bump one from 1 to 2'
    merge=$(test_git one commit-tree -p HEAD -p "$since" -m 'Merged it' 'HEAD^{tree}')
    test_git one merge --quiet --ff-only "$merge"
    verdict 0 '' full
    commit one 'Requeued it'
    verdict 1 '*Requeued it*is not "area: imperative"*body is empty*' full
    git clone --quiet --depth 1 "file://$scratch/full" "$scratch/shallow"
    verdict 0 '*checks nothing: commit*' shallow
    verdict 0 '*checks nothing: this folder*' tarball
}

case ${1:-} in
'') check . "$base" ;;
--self-test)
    wrong=0
    scratch=$(mktemp -d)
    trap 'rm -rf -- "$scratch"' EXIT
    test_faults
    test_history
    exit "$wrong"
    ;;
*)
    echo "usage: hack/commits.sh [--self-test]" >&2
    exit 2
    ;;
esac
