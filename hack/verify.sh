#!/usr/bin/env bash
# Verifies that a release was made by this project's release workflow: signatures of image and chart,
# provenance, and SBOM. Needs cosign 3 and gh; SECURITY.md shows the commands one by one.
#
#   hack/verify.sh 0.2.0
set -euo pipefail

version=$1
repository=${GITHUB_REPOSITORY:-cloud-policy-operator/cloud-policy-operator}
image=ghcr.io/$repository
chart=ghcr.io/${repository%%/*}/charts/cloud-policy-operator

# At that tag: a signature for another version, or by another workflow, is none.
identity=https://github.com/$repository/.github/workflows/release.yml@refs/tags/v$version

for subject in "$image:$version" "$chart:$version"; do
    cosign verify "$subject" --output text \
        --certificate-oidc-issuer https://token.actions.githubusercontent.com --certificate-identity "$identity"
    gh attestation verify "oci://$subject" --repo "$repository" --cert-identity "$identity"
done
gh attestation verify "oci://$image:$version" --repo "$repository" --cert-identity "$identity" \
    --predicate-type https://cyclonedx.org/bom
