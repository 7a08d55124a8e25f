# shellcheck shell=bash
# What the image and the archive of the release have in common: their programs. To be sourced.

# architecture PROGRAM: prints the architecture, which is a number in the ELF header of the program.
architecture() {
    case $(od -An -tx2 -j18 -N2 -- "$1" | tr -d ' ') in
    003e) echo amd64 ;;
    00b7) echo arm64 ;;
    *) printf '%s: %s is not a program for x86-64 or 64-bit ARM\n' "${0##*/}" "$1" >&2 && return 1 ;;
    esac
}

# install_programs PROGRAM SIMULATOR FOLDER: copies both programs, and links the first to the names by which kubectl
# finds a plugin and its completions.
install_programs() {
    install -D -m 0555 -- "$1" "$3/cloud-policy"
    install -D -m 0555 -- "$2" "$3/cloud-policy-simulator"
    ln -s cloud-policy "$3/kubectl-cloud_policy"
    ln -s cloud-policy "$3/kubectl_complete-cloud_policy"
}
