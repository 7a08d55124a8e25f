//! The service codes and system policies of an account. The list is incomplete: the real one differs by
//! zone and over time. [`super::Switches::more_products`] adds to it.

use super::types::{Permission, PolicyType, StoredPolicy, Target};

/// The service codes that `product` accepts.
pub(crate) const PRODUCTS: &[&str] = &[
    "APIGateway",
    "ArchiveStorage",
    "AutoScaling",
    "CertificateManager",
    "CloudActivityTracer",
    "CloudFunctions",
    "CloudHadoop",
    "CloudInsight",
    "ContainerRegistry",
    "DataCatalog",
    "DataFlow",
    "DataQuery",
    "GlobalDNS",
    "IAM",
    "KMS",
    "LoadBalancer",
    "NAS",
    "ObjectStorage",
    "Organization",
    "PrivateCA",
    "ResourceManager",
    "SENS",
    "SSO",
    "SearchEngine",
    "Server",
    "SourceBuild",
    "SourceCommit",
    "SourceDeploy",
    "SourcePipeline",
    "VPC",
    "VPCAutoScaling",
    "VPCCloudDBforMongoDB",
    "VPCCloudDBforMySQL",
    "VPCCloudDBforPostgreSQL",
    "VPCCloudFunctions",
    "VPCKubernetesService",
    "VPCLoadBalancer",
    "VPCNAS",
    "VPCServer",
    "AiTEMS",
];

/// The condition operators that are documented by name. Each also exists with `IfExists`.
pub(crate) const OPERATORS: &[&str] = &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "Null"];

const SYSTEM: &[(&str, &str, &[&str])] = &[
    ("NCP_ADMINISTRATOR", "Access to the portal, the console and every service.", &["*"]),
    ("NCP_INFRA_MANAGER", "Access to every service in the console.", &["*"]),
    ("NCP_FINANCE_MANAGER", "Access to usage and billing in the portal.", &["*"]),
    ("NCP_SERVER_MANAGER", "Full access to Server.", &["*"]),
    ("NCP_SERVER_VIEWER", "Reads of Server.", &["View*"]),
    ("NCP_OBJECTSTORAGE_MANAGER", "Full access to Object Storage.", &["*"]),
];

/// Returns the policies that NAVER Cloud manages in each account.
pub(crate) fn system_policies() -> Vec<StoredPolicy> {
    SYSTEM.iter().enumerate().map(|(index, row)| system_policy(index, row)).collect()
}

fn system_policy(index: usize, (name, description, actions): &(&str, &str, &[&str])) -> StoredPolicy {
    let policy_id = format!("48ac3260-0000-11ea-8000-246e965915{index:02x}");
    let target = Target {
        product: if name.contains("OBJECT") { "ObjectStorage" } else { "Server" }.to_owned(),
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
        resource_nrns: vec!["*".to_owned()],
    };
    StoredPolicy {
        nrn: format!("nrn:PUB:IAM:::Policy/{policy_id}"),
        policy_id,
        policy_name: (*name).to_owned(),
        policy_type: PolicyType::SystemManaged,
        description: Some((*description).to_owned()),
        permissions: vec![Permission { effect: "Allow".to_owned(), targets: vec![target], condition: None }],
        tags: std::collections::BTreeMap::new(),
        assignees: Vec::new(),
    }
}
