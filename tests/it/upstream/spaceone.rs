//! One suite for the SpaceONE client, run against every server: the simulator in each of its styles, and the real
//! servers of both eras. The real servers thus confirm the behaviour of the simulator.

use super::spaceone_servers as servers;

/// Runs each behaviour as a test of its own.
macro_rules! behaviours {
    ($suite:ident on $server:ident: $($behaviour:ident)*) => { $(
        #[tokio::test]
        async fn $behaviour() {
            let server = crate::upstream::spaceone::servers::$server().await;
            crate::upstream::$suite::$behaviour(&server).await;
        }
    )* };
}

macro_rules! policies {
    ($($server:ident)*) => { $(
        mod $server {
            behaviours! { spaceone_policy on $server:
                probe_counts_objects_of_domain
                probe_rejects_expired_and_malformed_tokens
                probe_rejects_token_of_another_domain
                created_policy_reads_back_equal
                policy_without_optional_fields_reads_back_equal
                second_create_fails_because_id_is_taken
                update_changes_every_field_and_keeps_owner_tag
                update_keeps_fields_that_spec_does_not_set
                owner_tagging_changes_only_the_owner_tag
                delete_succeeds_when_repeated
                write_fails_when_policy_is_gone
                create_is_rejected_whatever_the_status_code
                project_is_compared_and_never_updated
            }
        }
    )* };
}

macro_rules! network_policies {
    ($($server:ident)*) => { $(
        mod $server {
            behaviours! { spaceone_network_policy on $server:
                created_network_policy_reads_back_equal
                network_policy_without_optional_fields_reads_back_equal
                network_policy_is_found_only_by_exact_owner_tag
                update_changes_every_field_and_keeps_owner_tag
                declared_pins_do_not_block_updates
                undeclared_pins_are_kept
                unsupported_change_requires_recreate
                metadata_of_other_writers_survives_update
                validation_rejects_metadata_that_breaks_updates
                owner_tagging_fails_only_when_tags_are_pinned
                delete_succeeds_when_repeated
                create_distinguishes_invalid_values_from_unknown_zone
            }
        }
    )* };
}

mod policies {
    policies! {
        simulated_rest simulated_rest_printing_defaults simulated_verb simulated_console
        real_rest real_verb real_console
    }
}

mod network_policies {
    network_policies! {
        simulated_rest simulated_rest_printing_defaults simulated_rest_by_verbs simulated_rest_by_console
        real_rest
    }
}
