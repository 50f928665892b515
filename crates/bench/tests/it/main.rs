//! The harness at the size of every change: the same commands, run as people run them, one after the other.
#![cfg(test)]

use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Each has a gateway, a provider and a crowd on two cores: together they would measure one another.
static TURN: Mutex<()> = Mutex::new(());

#[track_caller]
fn passes(command: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let ran = Command::new(env!("CARGO_BIN_EXE_bench")).args(command.split(' ')).output();
    let ran = ran.expect("bench runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    eprintln!("{said}{complained}");
    assert!(ran.status.success(), "bench {command}: {said}\n{complained}");
}

#[test]
fn five_kills_lose_nothing_and_double_nothing_on_sqlite() {
    passes("ledger kills --rounds 5 --ready-ms-max 10000");
}

#[test]
fn five_kills_lose_nothing_and_double_nothing_on_postgres() {
    passes("ledger kills --rounds 5 --ready-ms-max 10000 --database postgres --seed 2");
}

#[test]
fn a_postgres_that_is_stopped_for_a_while_loses_nothing() {
    passes("ledger database --seconds 4");
}

#[test]
fn a_kill_while_somebody_else_writes_the_sqlite_loses_nothing() {
    passes("ledger database --seconds 8 --database sqlite --kill");
}

#[test]
fn fifty_clients_that_hang_up_pay_for_what_was_seen() {
    passes("ledger hangups --count 50");
}

#[test]
fn of_many_at_once_exactly_as_many_are_served_as_the_cap_pays_for() {
    passes("ledger caps --requests 200");
}

#[test]
fn a_cap_that_is_raised_in_the_race_serves_the_difference() {
    passes("ledger caps --requests 200 --change-to 80");
}

#[test]
fn three_nodes_of_which_one_is_killed_spend_exactly_the_cap() {
    passes("ledger caps --requests 200 --nodes 3 --kill");
}

#[test]
fn each_day_has_its_own_cap_however_the_one_before_ended() {
    passes("ledger periods");
}

#[test]
fn what_is_compared_answers_rightly_on_every_way() {
    passes("compare --quick");
}

#[test]
fn streams_that_are_held_open_arrive_whole() {
    passes("idle-streams --count 200 --seconds 4 --pause-ms 1000");
}

#[test]
fn a_long_ledger_answers_every_question_on_sqlite() {
    passes("usage-rows --rows 200000 --times 2 --answer-ms-max 20000");
}

#[test]
fn a_long_ledger_answers_every_question_on_postgres() {
    passes("usage-rows --rows 200000 --times 2 --answer-ms-max 20000 --database postgres");
}

#[test]
fn keys_open_the_door_among_many_others() {
    passes("keys --keys 20000 --workspaces 2000 --sample 10");
}

#[test]
fn keys_open_the_door_among_many_others_on_postgres() {
    passes("keys --keys 20000 --workspaces 2000 --sample 10 --database postgres");
}
