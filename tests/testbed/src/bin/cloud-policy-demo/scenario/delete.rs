//! Deletion, and what the upstreams say of it all.

use super::{Ending, Scene, expect};
use crate::ledger::{Counts, Ledger};

impl Scene<'_> {
    pub(super) async fn delete_everything(&mut self) -> anyhow::Result<()> {
        self.narrator.step("Everything is deleted. An object goes once its upstream object is gone.");
        let overlay = self.stage.overlay.display().to_string();
        let mut delete = vec!["delete", "-k", &overlay, "--timeout=90s"];
        if !self.stage.has_controllers {
            // The namespace stays then; everything in it goes all the same.
            delete.push("--wait=false");
        }
        self.kubectl(&delete).await?;
        let wait = ["wait", "-n", super::NAMESPACE, "--for=delete", super::PATIENCE];
        let objects = [super::NCLOUD_POLICY, super::REFUSED_POLICY, super::SPACEONE_POLICY, super::NETWORK_POLICY];
        self.cluster.run(&[&wait[..], &objects[..]].concat()).await?;
        self.table().await
    }

    pub(super) async fn compare_the_journals(&mut self, ending: Ending) -> anyhow::Result<()> {
        self.narrator.step(match ending {
            Ending::Delete => {
                "What the upstreams wrote down: every write that there had to be, none besides, nothing left."
            }
            Ending::Stay => "What the upstreams wrote down: every write that there had to be, and none besides.",
        });
        let seen = self.upstreams.ledger().await?;
        self.narrator.show(&seen.to_string());
        self.narrator.show("One update of the SpaceONE policy is the one that was made by hand, one its correction.");
        expect("the ledger", &expected(ending), &seen)
    }
}

fn expected(ending: Ending) -> Ledger {
    let end = |counts: Counts| match ending {
        Ending::Delete => Counts { deletes: counts.creates, ..counts },
        Ending::Stay => Counts { left: counts.creates, ..counts },
    };
    Ledger {
        // One created at once, one after it was corrected; one edit.
        ncloud_policies: end(Counts { creates: 2, updates: 1, ..Counts::default() }),
        // Changed by hand, and back.
        spaceone_policies: end(Counts { creates: 1, updates: 2, ..Counts::default() }),
        spaceone_network_policies: end(Counts { creates: 1, pins: 1, ..Counts::default() }),
        others: Vec::new(),
    }
}
