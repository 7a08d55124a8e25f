#!/usr/bin/env bash
# Verifies that the release workflow of this project made a release: the signatures of image and chart, the
# provenance and the SBOM. Needs cosign 3 and gh. SECURITY.md shows the same commands.
#
#   hack/verify.sh 0.2.0
set -euo pipefail

version=$1
repository=${GITHUB_REPOSITORY:-cloud-policy-operator/cloud-policy-operator}
image=ghcr.io/$repository
chart=ghcr.io/${repository%%/*}/charts/cloud-policy-operator

# The identity contains workflow and tag, so a signature of another version or workflow is rejected.
identity=https://github.com/$repository/.github/workflows/release.yml@refs/tags/v$version

for subject in "$image:$version" "$chart:$version"; do
    cosign verify "$subject" --output text \
        --certificate-oidc-issuer https://token.actions.githubusercontent.com --certificate-identity "$identity"
    gh attestation verify "oci://$subject" --repo "$repository" --cert-identity "$identity"
done
gh attestation verify "oci://$image:$version" --repo "$repository" --cert-identity "$identity" \
    --predicate-type https://cyclonedx.org/bom
