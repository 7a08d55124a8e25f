#!/usr/bin/env bash
# Fails unless all these programs are installed. Prints one line for each missing program: its name and how to
# install it. Installs nothing.
#
#   hack/require.sh cargo go python3
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/programs.sh"

missing=0
for program in "$@"; do
    if is_installed "$program"; then continue; fi
    missing=1
    if [[ -n ${manual_installs[$program]:-} ]]; then
        printf '%s is missing: install %s\n' "$program" "${manual_installs[$program]}" >&2
    else
        printf '%s is missing: run "make tools", which installs it (Debian package: %s)\n' "$program" "$(packages_of "$program")" >&2
    fi
done
exit "$missing"
