#!/usr/bin/env bash
# Plans manifests in a pipeline: one plan for each output, and the exit code of the plan.
#
#   PLAN_FILES=policies plan.sh
#
# | variable | content |
# | --- | --- |
# | PLAN_FILES | files and folders, separated by spaces; - reads the output of PLAN_RENDER |
# | PLAN_RENDER | a command that prints manifests |
# | PLAN_ARGUMENTS | further arguments of `cloud-policy plan`, separated by spaces |
# | PLAN_FAIL_ON | widening (the default), change or never |
# | PLAN_PROGRAM | the program, by default cloud-policy |
# | PLAN_FOLDER | where plan.md, plan.json and plan.sarif are written, by default here |
# | PLAN_OUTPUTS | a file for the outputs of the step, by default $GITHUB_OUTPUT |
#
# A change alone is no failure of the pipeline: it ends with 0 then, and with the exit code of the plan otherwise.
set -euo pipefail

folder=${PLAN_FOLDER:-.} outputs=${PLAN_OUTPUTS:-${GITHUB_OUTPUT:-}}
read -ra files <<<"${PLAN_FILES:?files with manifests}"
read -ra arguments <<<"${PLAN_ARGUMENTS:-}"
inputs=()
for file in "${files[@]}"; do inputs+=(-f "$file"); done
rendered=$(mktemp)
trap 'rm -f -- "$rendered"' EXIT
if [[ -n ${PLAN_RENDER:-} ]]; then bash -euo pipefail -c "$PLAN_RENDER" >"$rendered"; fi

# plan FORMAT FILE: writes the plan to the file, and returns its exit code.
plan() {
    "${PLAN_PROGRAM:-cloud-policy}" plan "${inputs[@]}" --fail-on "${PLAN_FAIL_ON:-widening}" --output "$1" \
        "${arguments[@]}" <"$rendered" >"$2"
}

code=0
plan markdown "$folder/plan.md" || code=$?
# The first plan decides the exit code. A later one matters only if it could not be read or decided (1).
for format in json sarif; do
    plan "$format" "$folder/plan.$format" || if (($? == 1)); then code=1; fi
done
cat -- "$folder/plan.md"
if [[ -n $outputs ]]; then
    printf '%s\n' "exit-code=$code" "markdown=$folder/plan.md" "sarif=$folder/plan.sarif" >>"$outputs"
fi
if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then cat -- "$folder/plan.md" >>"$GITHUB_STEP_SUMMARY"; fi
# 2: something changes, and nothing is wrong with that.
if ((code == 2)); then code=0; fi
exit "$code"
