//! The store's contract: every test named here runs on SQLite and on PostgreSQL, in a database of its own.
#![cfg(test)]

mod audit;
mod budgets;
mod chain;
mod changes;
mod drain_away;
mod drain_fold;
mod drain_kill;
mod drain_speed;
mod follower;
mod gateway_keys;
mod instance;
mod invitations;
mod ledger;
mod ledger_machine;
mod members;
mod migrations;
mod node;
mod nodes;
mod people;
mod place;
mod provider_keys;
mod provider_keys_race;
mod rate_gate;
mod rate_limits;
mod rate_redis;
mod rotation;
mod rows;
mod secrets;
mod tenants;
mod texts;
mod uploads;
mod usage;
mod usage_plans;

use place::Place;
use rate_gate::Gate;

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
    budgets:
        a_cap_counts_what_was_spent_before_it_was_set,
        a_changed_cap_holds_at_once,
        a_crash_leaves_no_hold_behind_and_charges_what_was_held,
        a_forgotten_node_has_spent_its_lease,
        a_new_period_begins_with_nothing_spent_and_a_clock_set_back_begins_none,
        a_pool_is_shared_to_its_last_token,
        a_thousand_at_once_get_what_the_cap_has_and_no_more,
        several_nodes_share_a_cap_and_never_pass_it,
        what_a_node_does_not_use_goes_back_to_the_others,
        what_is_spent_and_not_folded_is_not_forgotten,
        whoever_goes_away_while_asking_takes_nothing_along;

    migrations:
        a_newer_database_still_serves_this_binary,
        asking_what_is_pending_changes_nothing,
        migrating_twice_changes_nothing,
        processes_that_start_together_all_migrate;

    people:
        a_password_is_held_until_the_commit,
        a_session_is_read_back_live_revoked_or_expired,
        a_session_of_nobody_is_refused,
        a_user_is_read_back_whole,
        all_workspaces_are_read_in_pages_without_the_reserved_one,
        an_email_is_taken_once,
        sessions_go_with_their_user,
        workspaces_of_a_user_are_only_those;

    members:
        a_locked_workspace_keeps_its_last_owner,
        another_workspace_changes_no_member,
        members_are_read_in_pages,
        settings_and_versions_survive;

    invitations:
        an_invitation_is_accepted_once_whoever_is_first,
        an_invitation_is_found_by_its_hash_until_it_is_used_revoked_or_expired,
        another_workspace_cannot_touch_an_invitation,
        open_invitations_are_counted_and_read_in_pages,
        revoking_by_sender_or_by_address_takes_only_those;

    nodes:
        a_node_says_again_what_it_is,
        a_silent_node_is_forgotten;

    tenants:
        a_project_of_another_workspace_is_absent,
        a_role_is_of_one_workspace,
        a_user_is_a_member_once,
        a_workspace_is_found_by_its_project,
        an_unknown_workspace_is_absent_and_empty,
        project_names_are_unique_in_a_workspace_and_only_there;

    provider_keys:
        a_probe_is_kept_for_the_value_it_was_about,
        a_projects_key_is_found_by_its_provider,
        a_saved_key_keeps_what_only_traffic_and_defaults_write,
        a_tier_chosen_by_hand_is_not_detected_away,
        an_endpoints_name_is_taken_once_in_its_place,
        another_workspace_can_neither_see_nor_change_a_key,
        deleting_a_key_deletes_its_ciphertext,
        deleting_the_default_promotes_the_oldest_of_that_provider,
        every_column_of_a_provider_key_survives,
        health_is_set_with_its_time_and_its_error,
        nulls_of_a_provider_key_stay_nulls,
        one_default_steps_down_for_another,
        the_first_key_of_a_provider_is_its_default;

    provider_keys_race:
        deletes_and_inserts_together_leave_one_default,
        twenty_inserts_together_make_one_default;

    secrets:
        a_deleted_secret_leaves_no_ciphertext,
        a_saved_secret_keeps_its_id_and_its_first_time,
        a_secret_is_of_one_workspace,
        a_secrets_name_is_taken_once_in_a_workspace,
        every_column_of_a_secret_survives,
        secrets_are_read_in_pages_by_category_and_without_ours;

    uploads:
        a_page_is_found_by_its_whole_hash_until_its_time_is_over,
        a_page_is_of_one_workspace,
        lapsed_pages_are_deleted_and_used_ones_not_counted,
        of_twenty_who_use_a_page_one_does;

    gateway_keys:
        a_gateway_key_is_found_by_its_whole_hash,
        a_hash_is_taken_once_whatever_the_workspace,
        a_gateway_key_is_touched_in_its_workspace_only,
        a_saved_gateway_key_is_found_by_both_its_tokens,
        gateway_keys_are_listed_by_project_or_workspace,
        gateway_keys_are_read_in_pages,
        nulls_of_a_gateway_key_stay_nulls;

    instance:
        a_secret_keeps_its_first_value,
        only_the_active_version_can_be_held,
        set_up_happens_once,
        the_ring_has_one_active_version,
        the_ring_is_read_back_in_order,
        two_starters_agree_on_the_instance;

    rotation:
        a_job_begins_once_and_a_staged_key_can_be_taken_back,
        a_key_is_activated_once_whoever_does_it,
        a_version_retires_when_no_row_needs_it,
        one_node_is_at_work_until_its_time_is_over,
        only_what_was_opened_is_replaced,
        seals_of_all_tables_are_counted_by_version_and_prefix,
        the_switch_ends_after_those_who_write,
        what_is_behind_is_found_in_every_table_with_its_place,
        what_stepped_down_may_be_written_until_the_switch_ends;

    audit:
        commits_together_leave_no_gap_and_no_fork,
        rows_of_each_chain_are_linked_from_its_first,
        the_audit_is_read_newest_first_and_filtered,
        what_cannot_be_audited_does_not_happen;

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
        an_attempt_given_up_while_it_ran_counts_by_what_it_was,
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
        killed_at_every_wait,
        the_undrained_bytes_are_right_at_once;

    drain_away:
        a_database_that_comes_and_goes_loses_nothing,
        a_refusal_in_the_middle_of_a_batch_undoes_the_batch;

    drain_speed:
        twenty_thousand_records;

    ledger_machine:
        it_agrees_with_the_simplest_one_after_every_step;

    ledger:
        a_budget_is_looked_at_when_more_was_spent_and_each_share_told_once,
        books_are_right_until_somebody_changes_them,
        the_state_of_the_ledger_is_told_by_node_and_scope,
        what_a_cap_is_set_to_is_found_by_its_scope;

    usage:
        every_filter_finds_the_attempts_that_fit,
        pages_stay_as_they_were_while_attempts_are_added,
        sums_are_those_of_the_attempts_however_they_are_told_apart;

    usage_plans:
        no_question_of_every_day_reads_the_whole_ledger,
        what_fits_rarely_is_found_a_bounded_stretch_at_a_time;
}

/// The same for rate limits, in memory and in Redis.
macro_rules! rate_limits {
    ($($name:ident),+ $(,)?) => {
        mod limits_in_memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::rate_limits::$name(super::Gate::memory()).await;
                }
            )+
        }

        mod limits_in_redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(gate) = super::Gate::redis().await {
                        crate::rate_limits::$name(gate).await;
                    }
                }
            )+
        }
    };
}

rate_limits! {
    a_minutes_worth_may_be_taken_at_once_and_no_more,
    a_refused_request_takes_nothing,
    after_the_wait_that_was_told_it_fits,
    dropped_it_gives_back_its_tokens_and_not_its_request,
    each_subject_has_its_own_limit,
    it_comes_back_evenly,
    of_64_takers_at_once_the_limit_gets_through,
    what_has_come_back_by_itself_is_not_given_back_again,
    what_is_larger_than_the_limit_never_fits,
    what_was_not_used_is_given_back,
    what_was_used_beyond_it_is_taken,
    what_was_used_beyond_the_limit_is_over_in_a_minute,
    without_a_limit_nothing_is_counted,
}
