//! The store's contract: every test named here runs on SQLite and on PostgreSQL, in a database of its own.
#![cfg(test)]

mod changes;
mod drain_away;
mod drain_fold;
mod drain_kill;
mod drain_speed;
mod follower;
mod gateway_keys;
mod instance;
mod migrations;
mod node;
mod people;
mod place;
mod provider_keys;
mod provider_keys_race;
mod rows;
mod tenants;
mod texts;

use place::Place;

/// A test that is written and not listed is dead code, which the compiler tells.
macro_rules! contract {
    ($($module:ident: $($name:ident),+;)+) => {
        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::$module::$name(super::Place::sqlite()).await;
                }
            )+)+
        }

        mod postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(place) = super::Place::postgres().await {
                        crate::$module::$name(place).await;
                    }
                }
            )+)+
        }
    };
}

contract! {
    migrations:
        a_newer_database_still_serves_this_binary,
        asking_what_is_pending_changes_nothing,
        migrating_twice_changes_nothing,
        processes_that_start_together_all_migrate;

    people:
        a_session_is_read_back_live_revoked_or_expired,
        a_session_of_nobody_is_refused,
        a_user_is_read_back_whole,
        an_email_is_taken_once,
        sessions_go_with_their_user,
        workspaces_of_a_user_are_only_those;

    tenants:
        a_project_of_another_workspace_is_absent,
        a_role_is_of_one_workspace,
        a_user_is_a_member_once,
        a_workspace_is_found_by_its_project,
        an_unknown_workspace_is_absent_and_empty,
        project_names_are_unique_in_a_workspace_and_only_there;

    provider_keys:
        another_workspace_can_neither_see_nor_change_a_key,
        deleting_a_key_deletes_its_ciphertext,
        deleting_the_default_promotes_the_oldest_of_that_provider,
        every_column_of_a_provider_key_survives,
        health_is_set_with_its_time_and_its_error,
        nulls_of_a_provider_key_stay_nulls,
        the_first_key_of_a_provider_is_its_default;

    provider_keys_race:
        deletes_and_inserts_together_leave_one_default,
        twenty_inserts_together_make_one_default;

    gateway_keys:
        a_gateway_key_is_found_by_its_whole_hash,
        a_hash_is_taken_once_whatever_the_workspace,
        gateway_keys_are_listed_by_project_or_workspace,
        nulls_of_a_gateway_key_stay_nulls,
        revoking_elsewhere_does_nothing,
        revoking_twice_keeps_the_first_time;

    instance:
        a_secret_keeps_its_first_value,
        only_the_active_version_can_be_held,
        seals_are_counted_by_version,
        set_up_happens_once,
        the_ring_has_one_active_version,
        the_ring_is_read_back_in_order,
        two_starters_agree_on_the_instance;

    changes:
        a_dropped_change_leaves_nothing,
        a_dropped_commit_still_brings_the_news,
        a_failed_commit_leaves_no_rows_and_no_number,
        a_held_key_version_waits_for_no_reader,
        commits_are_numbered_without_gaps_in_their_order,
        news_is_applied_before_commit_returns,
        nothing_to_tell_takes_no_number,
        the_audit_keeps_who_what_and_nulls;

    follower:
        a_follower_starts_where_the_news_ends,
        news_is_pruned_after_an_hour_and_numbers_go_on,
        news_of_unknown_kinds_is_passed_over,
        other_stores_changes_arrive_once_and_in_order;

    texts:
        a_nul_is_refused_and_finds_nothing,
        extreme_numbers_survive,
        large_blobs_survive,
        odd_texts_survive_and_stay_apart;

    drain_fold:
        a_checkpoint_changes_open_attempts_only,
        a_record_no_database_can_hold_stops_nothing,
        a_settled_without_a_start_touches_nothing,
        draining_again_from_the_start_changes_nothing,
        every_way_through_the_batches_gives_the_same_rows,
        orphans_become_unsettled_and_only_ours,
        started_attempts_are_open_and_settled_ones_are_whole,
        usage_that_was_not_told_stays_null;

    drain_kill:
        a_replaced_folder_is_read_from_its_start,
        a_replaced_folder_that_grew_past_the_old_position_is_read_whole,
        a_stop_drains_once_more,
        killed_after_the_append,
        killed_after_the_draining,
        killed_after_the_transaction,
        the_undrained_bytes_are_right_at_once;

    drain_away:
        a_database_that_comes_and_goes_loses_nothing,
        a_refusal_in_the_middle_of_a_batch_undoes_the_batch;

    drain_speed:
        twenty_thousand_records;
}
