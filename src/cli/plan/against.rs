//! The value of `--against`.

use std::str::FromStr;

/// What the manifests are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// The objects in the cloud accounts.
    Upstream,
    /// Also the objects of the cluster, and their status.
    Cluster,
    /// The same files at this git reference.
    Git(String),
}

impl FromStr for Against {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("git:")) {
            ("upstream", _) => Ok(Self::Upstream),
            ("cluster", _) => Ok(Self::Cluster),
            (_, Some(reference)) if !reference.is_empty() => Ok(Self::Git(reference.to_owned())),
            _ => Err("write upstream, cluster, or git: with a branch, tag or commit, such as git:main".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_is_a_place_or_a_git_reference() {
        assert_eq!("git:origin/main".parse(), Ok(Against::Git("origin/main".to_owned())));
        assert_eq!(("upstream".parse(), "cluster".parse()), (Ok(Against::Upstream), Ok(Against::Cluster)));
        for wrong in ["", "git", "git:", "main"] {
            assert!(wrong.parse::<Against>().is_err(), "{wrong}");
        }
    }
}
