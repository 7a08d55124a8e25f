//! Deletion of the samples, and the check of the upstream journals.

use super::{Cleanup, Scenario, expect};
use crate::write_counts::{Counts, WriteCounts};

impl Scenario<'_> {
    pub(super) async fn delete_everything(&mut self) -> anyhow::Result<()> {
        self.output.step("kubectl deletes everything. Each object is removed after its upstream object.");
        let overlay = self.environment.overlay.display().to_string();
        let mut delete = vec!["delete", "-k", &overlay, "--timeout=90s"];
        if !self.environment.has_controllers {
            // The namespace stays then, but its objects are removed.
            delete.push("--wait=false");
        }
        self.kubectl(&delete).await?;
        let wait = ["wait", "-n", super::NAMESPACE, "--for=delete", super::TIMEOUT];
        let objects = [super::NCLOUD_POLICY, super::REJECTED_POLICY, super::SPACEONE_POLICY, super::NETWORK_POLICY];
        self.cluster.run(&[&wait[..], &objects[..]].concat()).await?;
        self.table().await
    }

    pub(super) async fn compare_write_counts(&mut self, cleanup: Cleanup) -> anyhow::Result<()> {
        self.output.step(match cleanup {
            Cleanup::Delete => {
                "The journals of the upstreams have the expected writes and no others. No upstream object is left."
            }
            Cleanup::Keep => "The journals of the upstreams have the expected writes and no others.",
        });
        let seen = self.upstreams.write_counts().await?;
        self.output.show(&seen.to_string());
        self.output.show("The two updates of the SpaceONE policy are the change by hand and its correction.");
        expect("the write counts", &expected(cleanup), &seen)
    }
}

fn expected(cleanup: Cleanup) -> WriteCounts {
    let end = |counts: Counts| match cleanup {
        Cleanup::Delete => Counts { deletes: counts.creates, ..counts },
        Cleanup::Keep => Counts { left: counts.creates, ..counts },
    };
    WriteCounts {
        // One policy was created at once, the other after its correction. One was edited.
        ncloud_policies: end(Counts { creates: 2, updates: 1, ..Counts::default() }),
        // One change by hand, and its correction.
        spaceone_policies: end(Counts { creates: 1, updates: 2, ..Counts::default() }),
        spaceone_network_policies: end(Counts { creates: 1, pins: 1, ..Counts::default() }),
        others: Vec::new(),
    }
}
