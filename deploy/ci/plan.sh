#!/usr/bin/env bash
# Plans manifests in a pipeline: one plan with three outputs, and the exit code of the plan.
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

# Files of an earlier plan must not pass for those of this one.
rm -f -- "$folder"/plan.{md,json,sarif}
code=0
"${PLAN_PROGRAM:-cloud-policy}" plan "${inputs[@]}" --fail-on "${PLAN_FAIL_ON:-widening}" \
    --output "markdown=$folder/plan.md" --output "json=$folder/plan.json" --output "sarif=$folder/plan.sarif" \
    "${arguments[@]}" <"$rendered" || code=$?
# Any other exit code, such as that of a program that is not installed, says that there is no plan.
case $code in 0 | 2 | 3 | 4) ;; *) code=1 ;; esac
if [[ -f $folder/plan.md ]]; then cat -- "$folder/plan.md"; fi
if [[ -n $outputs ]]; then
    printf '%s\n' "exit-code=$code" "markdown=$folder/plan.md" "sarif=$folder/plan.sarif" >>"$outputs"
fi
if [[ -n ${GITHUB_STEP_SUMMARY:-} && -f $folder/plan.md ]]; then cat -- "$folder/plan.md" >>"$GITHUB_STEP_SUMMARY"; fi
# 2: something changes, and nothing is wrong with that.
if ((code == 2)); then code=0; fi
exit "$code"
