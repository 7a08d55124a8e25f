#!/usr/bin/env bash
# Pushes the image and the chart of this version, and prints `image=DIGEST` and `chart=DIGEST`.
#
#   hack/publish.sh FOLDER IMAGE CHARTS LAYOUT...
#
# IMAGE and CHARTS are repositories, such as ghcr.io/owner/project and ghcr.io/owner/charts. Each LAYOUT is the image
# for one architecture, from hack/image.sh. The pushed artifacts stay in FOLDER. A version is published once. To run the
# script again with the same artifacts, for example after a failure, changes nothing; other content for a published
# version is refused. PLAIN_HTTP=1 is for a registry on loopback.
set -euo pipefail

folder=$(realpath -m -- "$1")
image=$2 charts=$3
layouts=()
for layout in "${@:4}"; do layouts+=("$(realpath -- "$layout")"); done
cd "$(dirname "${BASH_SOURCE[0]}")/.."

hack/require.sh buildah git python3 skopeo
# Helm 4 keeps file times, so the same commit gives the same archive.
helm=$(hack/helm.sh)/4/helm
version=$(hack/version.sh)
name=cloud-policy-operator
from=() to=() plain=()
if [[ -n ${PLAIN_HTTP:-} ]]; then from=(--tls-verify=false) to=(--dest-tls-verify=false) plain=(--plain-http); fi

# manifest REPOSITORY: prints the manifest of this version in the registry, or nothing. If the registry cannot be
# reached, it prints nothing and the push fails later.
manifest() {
    local tags
    tags=$(skopeo list-tags "${from[@]}" "docker://$1" 2>/dev/null) || return 0
    if grep -qF "\"$version\"" <<<"$tags"; then skopeo inspect "${from[@]}" --raw "docker://$1:$version"; fi
}

digest() {
    local sum
    sum=$(sha256sum)
    printf 'sha256:%s' "${sum%% *}"
}

refuse() {
    printf 'publish: %s:%s is there already with other content\n' "$1" "$version" >&2
    exit 1
}

push_image() {
    local joined there
    joined=$(hack/index.sh "$folder/image" "${layouts[@]}")
    there=$(manifest "$image" | digest)
    if [[ $there == "$joined" ]]; then return; fi
    [[ $there == "$(digest </dev/null)" ]] || refuse "$image"
    skopeo copy --all --preserve-digests "${to[@]}" "oci:$folder/image:$version" "docker://$image:$version" >&2
}

# Writes the archive of the chart, with the changes of this version. Its file times are the time of the commit.
pack_chart() {
    local time
    time=@$(git log -1 --format=%ct)
    cp -R "charts/$name" "$folder/chart"
    hack/changelog.sh "$version" | hack/changes.py "$folder/chart/Chart.yaml"
    find "$folder/chart" -exec touch -d "$time" {} +
    "$helm" package "$folder/chart" --destination "$folder" >&2
    rm -r -- "$folder/chart"
}

push_chart() {
    local archive=$folder/$name-$version.tgz there
    pack_chart
    there=$(manifest "$charts/$name")
    if [[ -z $there ]]; then
        "$helm" push "${plain[@]}" "$archive" "oci://$charts" >&2
    elif ! grep -qF "\"$(digest <"$archive")\"" <<<"$there"; then
        refuse "$charts/$name"
    fi
}

mkdir -p -- "$folder"
push_image
push_chart
printf 'image=%s\nchart=%s\n' "$(manifest "$image" | digest)" "$(manifest "$charts/$name" | digest)"
