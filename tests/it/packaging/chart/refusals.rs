//! The chart refuses wrong values before anything is installed, with a message that names them.

use super::helm::{Helm, object};
use super::place;

/// Arguments, and words in the messages of both Helms.
const REFUSED: [(&str, &[&str]); 48] = [
    ("--set nonsense=1", &["nonsense", "allowed"]),
    ("--set operator.concurency=3", &["operator", "concurency", "allowed"]),
    ("--set crds.keeep=true", &["crds", "keeep", "allowed"]),
    ("--set connections[0].nam=a", &["connections", "nam", "allowed"]),
    ("--set operator.concurrency=100", &["operator", "concurrency", "64"]),
    ("--set operator.deleteLimit=null", &["operator", "deleteLimit"]),
    ("--set operator.leaderElect=null", &["operator", "leaderElect"]),
    ("--set operator=null", &["operator"]),
    ("--set crds.enabled=null", &["crds", "enabled"]),
    ("--set image.repository=null", &["image", "repository"]),
    ("--set operator.createGraceSeconds=0", &["operator", "createGraceSeconds", "1"]),
    ("--set image.digest=sha256:1", &["image", "digest", "pattern"]),
    ("--set image.pullPolicy=always", &["image", "pullPolicy", "IfNotPresent"]),
    ("--set replicaCount=two", &["replicaCount", "integer", "string"]),
    ("--set-string operator.allowHttp=true", &["operator", "allowHttp", "boolean"]),
    ("--set operator.allowedHosts=example.com", &["operator", "allowedHosts", "array"]),
    ("--set operator.allowedHosts={https://a.example}", &["operator", "allowedHosts", "pattern"]),
    ("--set operator.allowedHosts={a.example:https}", &["operator", "allowedHosts", "pattern"]),
    ("--set operator.allowedHosts={a.example/api}", &["operator", "allowedHosts", "pattern"]),
    ("--set image.repository=a.example/b:1.0", &["image", "repository", "pattern"]),
    ("--set scope.namespaces={a}", &["operator.clusterId must be set together with scope.namespaces"]),
    (
        "--set scope.namespaces={a},operator.clusterId=one,tenantConnections.namespaces={b}",
        &["tenantConnections.namespaces names \"b\", which scope.namespaces does not"],
    ),
    ("--set nameOverride=My_Name", &["nameOverride", "pattern"]),
    ("--set fullnameOverride=my.name", &["fullnameOverride", "pattern"]),
    ("--set-string fullnameOverride=1st", &["fullnameOverride", "pattern"]),
    ("--set scope.namespaces={*},operator.clusterId=one", &["scope", "namespaces", "pattern"]),
    ("--set tenantConnections.namespaces={team.a}", &["tenantConnections", "namespaces", "pattern"]),
    ("--set-string operator.listenAddress=999", &["operator", "listenAddress", "pattern"]),
    ("--set operator.listenAddress=0.0.0.256", &["operator", "listenAddress", "pattern"]),
    ("--set podDisruptionBudget.maxUnavailable=0", &["podDisruptionBudget", "maxUnavailable", "1"]),
    ("--set podDisruptionBudget.maxUnavailable=0%", &["podDisruptionBudget", "maxUnavailable", "pattern"]),
    ("--set podDisruptionBudget.maxUnavailable=abc", &["podDisruptionBudget", "maxUnavailable", "pattern"]),
    ("--set serviceMonitor.enabled=true,podMonitor.enabled=true", &["podMonitor.enabled exclude each other"]),
    ("--set podDisruptionBudget.enabled=true", &["podDisruptionBudget.enabled needs replicaCount: 2"]),
    ("--set replicaCount=2,operator.leaderElect=false", &["operator.leaderElect must be true"]),
    ("--set podSpecExtra.volumes[0].name=a", &["podSpecExtra.volumes", "Set extraVolumes."]),
    ("--set podSpecExtra.enableServiceLinks=true", &["podSpecExtra.enableServiceLinks", "the chart sets this field"]),
    ("--set extraContainers[0].name=operator,extraContainers[0].image=a", &["extraContainers", "named operator"]),
    ("--set extraContainers[0].name=a", &["extraContainers", "image"]),
    ("--set operator.extraEnv[0].name=https_proxy", &["operator.extraEnv sets https_proxy", "operator.httpsProxy"]),
    ("--set operator.httpsProxy=proxy:3128", &["operator", "httpsProxy", "pattern"]),
    ("--set operator.httpsProxy=http://me:secret@proxy:3128", &["operator", "httpsProxy", "pattern"]),
    ("--set operator.httpsProxy=http://proxy:3128,operator.allowHttp=true", &["operator.allowHttp exclude each other"]),
    ("--set operator.proxySecretName=proxy", &["have no effect without operator.httpsProxy"]),
    ("--set global.imageRegistry=https://a.example", &["global", "imageRegistry", "pattern"]),
    ("--set global.compatibility.openshift.adaptSecurityContext=yes", &["adaptSecurityContext", "auto"]),
    ("--set revisionHistoryLimit=-1", &["revisionHistoryLimit", "0"]),
    ("--kube-version 1.30.9", &["kubeVersion: >=1.31.0-0"]),
];

#[tokio::test]
async fn wrong_values_are_refused_with_their_name() {
    for helm in Helm::both() {
        for (arguments, words) in REFUSED {
            let refused = helm.template(&format!("x '{}'", arguments.replace(' ', "' '"))).await;
            let said = refused.expect_err(arguments).to_string();
            for word in words {
                assert!(said.contains(word), "Helm {}: `{word}` is not in: {said}", helm.major);
            }
        }
        let valid = "--set operator.concurrency=64,replicaCount=2,podDisruptionBudget.enabled=true,fullnameOverride=one \
                     --set tenantConnections.namespaces={team-a} --set operator.listenAddress=[::1] \
                     --set 'operator.allowedHosts={a.example:8443,*.b.example,[::1]},image.repository=a.example:5000/b/c'";
        helm.template(&format!("x {valid}")).await.unwrap();
    }
}

/// The chart knows every field of the pod that it sets, so that no field appears twice.
#[tokio::test]
async fn extra_fields_cannot_repeat_those_of_the_chart() {
    let helm = Helm::of("4", None);
    let file = place("ci/everything-values.yaml").display().to_string();
    let values: serde_json::Value = serde_saphyr::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let made = helm.template(&format!("x --values '{file}'")).await.unwrap();
    let pod = object(&made, "Deployment", "everything")["spec"]["template"]["spec"].as_object().unwrap();
    let own: Vec<_> = pod.keys().filter(|field| values["podSpecExtra"].get(field).is_none()).collect();
    assert!(own.len() > 12, "{own:?}");
    for field in own {
        let refused = helm.template(&format!("x --set podSpecExtra.{field}=1")).await;
        let said = refused.expect_err(field).to_string();
        assert!(said.contains(&format!("podSpecExtra.{field} is not possible")), "{said}");
    }
}

#[tokio::test]
async fn special_characters_in_values_reach_arguments_unchanged() {
    let helm = Helm::of("4", None);
    let values = helm.directory().join("values.yaml");
    let odd = "on: # {{ 'x' }} \"quoted\" \\ *";
    let given =
        serde_json::json!({ "operator": { "clusterId": odd, "logFilter": odd, "deleteLimit": 4_294_967_295_u32 } });
    std::fs::write(&values, given.to_string()).unwrap();
    let made = helm.template(&format!("cloud-policy-operator --values '{}'", values.display())).await.unwrap();
    let deployment = object(&made, "Deployment", "cloud-policy-operator");
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    for expected in
        [format!("--cluster-id={odd}"), format!("--log-filter={odd}"), "--delete-limit=4294967295".to_owned()]
    {
        assert!(arguments.iter().any(|argument| *argument == expected), "{expected}: {arguments:?}");
    }
}
