//! Applies custom resource definitions and waits until they are ready for use.

use crate::wait::{wait_for, wait_until};
use anyhow::Context;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::core::Request;
use kube::{Client, ResourceExt};
use std::fs;
use std::path::Path;
use std::time::Duration;

const FIELD_MANAGER: &str = "testbed";
/// The format in which kubectl reads all groups at once.
const AGGREGATED_DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const LIMIT: Duration = Duration::from_secs(30);

/// Applies all definitions and waits until the API server serves their objects.
pub async fn install_crds(client: &Client, crds: &[CustomResourceDefinition]) -> anyhow::Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let apply = PatchParams::apply(FIELD_MANAGER).force();
    for crd in crds {
        let name = crd.name_any();
        api.patch(&name, &apply, &Patch::Apply(crd)).await.with_context(|| format!("cannot apply {name}"))?;
    }
    for crd in crds {
        await_served(client, &api, &crd.name_any()).await?;
    }
    Ok(())
}

/// Applies the definitions in the `*.yaml` files of a folder, in the order of their names.
pub async fn apply_crds(client: &Client, folder: &Path) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    anyhow::ensure!(!files.is_empty(), "there is no .yaml file in {}", folder.display());
    let read = |file: &std::path::PathBuf| {
        let crd: CustomResourceDefinition = serde_saphyr::from_str(&fs::read_to_string(file)?)?;
        anyhow::Ok(crd)
    };
    let crds = files
        .iter()
        .map(|file| read(file).with_context(|| format!("cannot read {}", file.display())))
        .collect::<anyhow::Result<Vec<_>>>()?;
    install_crds(client, &crds).await
}

/// Waits until the API server serves a definition. `Established` means only that the names are
/// accepted; a successful list proves that the endpoint exists.
async fn await_served(client: &Client, api: &Api<CustomResourceDefinition>, name: &str) -> anyhow::Result<()> {
    let crd = wait_until("an established definition", LIMIT, api, name, |crd| {
        let conditions = crd.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let established = conditions.iter().any(|c| c.type_ == "Established" && c.status == "True");
        anyhow::ensure!(established, "it is not established");
        Ok(crd.clone())
    })
    .await?;
    for version in crd.spec.versions.iter().filter(|version| version.served) {
        let path = format!("/apis/{}/{}/{}", crd.spec.group, version.name, crd.spec.names.plural);
        // As text, because the content does not matter and a typed client might not parse it.
        wait_for(name, LIMIT, || async {
            let request = Request::new(path.as_str()).list(&ListParams::default().limit(1))?;
            Ok(client.request_text(request).await?)
        })
        .await?;
    }
    await_discovered(client, &crd.spec.group, &crd.spec.names.plural).await
}

/// Waits until discovery shows the resource: kubectl asks it, and it lags behind the endpoint.
async fn await_discovered(client: &Client, group: &str, plural: &str) -> anyhow::Result<()> {
    let (group, resource) = (format!("\"name\":\"{group}\""), format!("\"resource\":\"{plural}\""));
    wait_for(&format!("{plural} in discovery"), LIMIT, || async {
        let mut request = Request::new("/apis").list(&ListParams::default())?;
        request.headers_mut().insert("accept", AGGREGATED_DISCOVERY.parse()?);
        let shown = client.request_text(request).await?;
        let of_group = shown.split(&group).nth(1).context("discovery does not show the group")?;
        anyhow::ensure!(of_group.contains(&resource), "discovery does not show the resource");
        Ok(())
    })
    .await
}
