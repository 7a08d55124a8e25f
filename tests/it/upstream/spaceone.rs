//! One suite for the SpaceONE client, run against every server there is: the simulator in each of
//! its styles, and the real servers of both eras. What the real ones do not show here, the
//! simulator does not get to claim.

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
                the_probe_counts_what_the_domain_holds
                the_probe_refuses_tokens_that_only_a_get_would_take
                the_token_of_another_domain_is_noticed_before_it_writes_there
                a_policy_reads_back_as_it_was_created
                a_policy_with_nothing_optional_is_complete
                a_second_create_is_told_that_the_id_is_taken
                every_field_can_be_updated_and_the_stamp_stays
                an_update_leaves_alone_what_the_spec_does_not_set
                a_strangers_policy_is_claimed_without_a_change
                deleting_twice_is_fine_and_leaves_nothing
                writing_to_a_policy_that_is_gone_says_so
                what_the_server_refuses_is_refused_whatever_its_status
                a_project_is_only_compared
            }
        }
    )* };
}

macro_rules! network_policies {
    ($($server:ident)*) => { $(
        mod $server {
            behaviours! { spaceone_network_policy on $server:
                a_network_policy_reads_back_as_it_was_created
                a_network_policy_with_nothing_optional_is_complete
                objects_are_found_by_the_exact_stamp_and_never_by_the_name
                every_field_can_be_updated_and_the_stamp_stays
                declared_pins_do_not_block_updates
                pins_that_the_spec_does_not_declare_are_left_alone
                what_cannot_be_changed_in_place_asks_to_be_made_again
                metadata_of_others_survives_an_update
                metadata_that_would_break_every_later_update_is_known_beforehand
                a_strangers_object_is_claimed_unless_its_tags_are_pinned
                deleting_twice_is_fine_and_leaves_nothing
                what_the_server_refuses_is_told_from_what_it_cannot_find
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
