//! A provider that fails in every way we know, before callers of every dialect, plain and streamed: each gets the right
//! status or a stream that says that it broke, each call has its row, nobody waits for ever and nobody sees the key.

mod bodies;
mod caller;
mod connections;
mod events;
mod fault;
mod first_line;
mod goings;
mod http2;
mod identities;
mod judge;
mod lines;
mod pair;
mod peers;
mod site;
mod slow;
mod statuses;
mod upstream;

use std::collections::HashSet;

use futures_util::future::join;
use model::Dialect;

use bodies::bodies;
use connections::connections;
use events::events;
use fault::Fault;
use http2::{streams, survives_http2};
use lines::{lines, survives_lines};
use pair::Pair;
use site::Site;
use slow::slow;
use statuses::statuses;
use upstream::Upstream;

/// An answer larger than this is none, and a stream that goes on is broken off.
const LIMITS: &str = "[limits]\nanswer_bytes_max = 1_000_000\nstream_bytes_max = 20_000_000\n";

/// A caller before a provider of its own dialect, and before one whose answers are translated.
struct Caller {
    own: Pair,
    other: Pair,
}

impl Caller {
    const fn of(caller: Dialect, other: Dialect) -> Self {
        let own = Pair { caller, upstream: Upstream(caller) };
        Self { own, other: Pair { upstream: Upstream(other), ..own } }
    }

    async fn survives(&self, limits: &str, table: fn(Pair) -> Vec<Fault>) {
        let survives = async |pair| Site::open(pair, limits).await.survives(&table(pair)).await;
        join(survives(self.own), survives(self.other)).await;
    }
}

macro_rules! matrix {
    ($($module:ident: $caller:ident, and $other:ident;)+) => {$(
        mod $module {
            use super::*;

            const CALLER: Caller = Caller::of(Dialect::$caller, Dialect::$other);

            #[tokio::test]
            async fn every_body_that_is_no_answer_is_survived() {
                CALLER.survives(LIMITS, bodies).await;
            }

            #[tokio::test]
            async fn every_connection_that_breaks_is_survived() {
                CALLER.survives(LIMITS, connections).await;
            }

            #[tokio::test]
            async fn every_http2_stream_that_breaks_is_survived() {
                join(survives_http2(CALLER.own), survives_http2(CALLER.other)).await;
            }

            #[tokio::test]
            async fn every_line_that_is_down_is_survived() {
                survives_lines(CALLER.own).await;
            }

            #[tokio::test]
            async fn every_silence_is_survived() {
                CALLER.survives(slow::LIMITS, slow).await;
            }

            #[tokio::test]
            async fn every_status_is_survived() {
                CALLER.survives(LIMITS, statuses).await;
            }

            #[tokio::test]
            async fn every_stream_that_is_none_is_survived() {
                CALLER.survives(LIMITS, events).await;
            }
        }
    )+};
}

matrix! {
    anthropic: Anthropic, and Chat;
    chat: Chat, and Anthropic;
    gemini: Gemini, and Anthropic;
    responses: Responses, and Gemini;
}

#[test]
fn the_matrix_has_sixty_faults_and_more() {
    let pair = Caller::of(Dialect::Chat, Dialect::Gemini).own;
    let faults = [
        bodies(pair),
        connections(pair),
        events(pair),
        lines(),
        slow(pair),
        statuses(pair),
        streams(pair),
        http2::losses(pair),
    ];

    let names: HashSet<_> = faults.iter().flatten().map(|fault| &fault.name).collect();

    let count = faults.iter().flatten().count();
    assert!(count >= 60 && names.len() == count, "{count} faults, {} names", names.len());
}
