//! Books that agree, and each way in which they may not.

use model::{Clock as _, GatewayKeyId, ProviderKeyId, RequestId, Timestamp, Usage, WorkspaceId};
use testkit::clock::ManualClock;
use testkit::random::SeededRandom;

use super::*;

const START_MS: i64 = 1_795_262_400_000;
const PRICE: Price = Price { input: 7, output: 1_000_003 };
const RULES: Rules = Rules { price: PRICE, kills: false };
const KILLS: Rules = Rules { kills: true, ..RULES };

/// One request in all three journals, as it should be.
#[derive(Clone)]
struct Scene {
    clock: ManualClock,
    random: SeededRandom,
    served: Vec<Served>,
    told: Vec<Told>,
    rows: Vec<AttemptRow>,
}

impl Scene {
    /// Request 1 on lane 0, of three tokens, to its end.
    fn whole() -> Self {
        let mut scene = Self::begun(3);
        let at_ms = scene.now_ms();
        scene.served.push(Served::Ended { id: 1, tokens: 3, at_ms });
        scene.told.push(Told::Completed { id: 1, at_ms });
        let row = &mut scene.rows[0];
        row.usage = Usage { input_tokens: Some(1), ..row.usage };
        row.usage.estimated = false;
        row.outcome = Some("completed".to_owned());
        row.cost = Some(PRICE.of(1, 3));
        scene
    }

    /// The client leaves after two tokens of ten; the gateway saw `seen` of them.
    fn left(seen: u64) -> Self {
        let mut scene = Self::begun(2);
        let at_ms = scene.now_ms();
        scene.told.push(Told::HungUp { id: 1, bytes: 900, tokens: 1, at_ms });
        scene.served.push(Served::Left { id: 1, tokens: 2, at_ms: at_ms + 1 });
        scene.rows[0].usage.output_tokens = Some(seen);
        scene.rows[0].cost = Some(PRICE.of(0, seen));
        scene
    }

    fn begun(sent: u64) -> Self {
        let (clock, random) = (ManualClock::at(START_MS), SeededRandom::new(1));
        let mut scene = Self { clock, random, served: vec![], told: vec![], rows: vec![] };
        let (model, at_ms) = ("lane-000".to_owned(), scene.now_ms());
        let row = scene.row(&model, sent);
        scene.told.push(Told::Asked { id: 1, model: model.clone(), at_ms });
        scene.told.push(Told::Begun { id: 1, request: row.request.to_string() });
        scene.served.push(Served::Call { id: 1, model, limit: 10, at_ms: scene.now_ms() });
        for tokens in 1..=sent {
            scene.served.push(Served::Sent { id: 1, tokens, at_ms: scene.now_ms() });
        }
        scene.rows.push(row);
        scene
    }

    fn row(&self, model: &str, output: u64) -> AttemptRow {
        let (clock, random) = (&self.clock, &self.random);
        AttemptRow {
            cost: None,
            price: None,
            request: RequestId::new(clock, random),
            attempt: 1,
            workspace: WorkspaceId::new(clock, random),
            project: model::ProjectId::NIL,
            gateway_key: GatewayKeyId::new(clock, random),
            provider_key: ProviderKeyId::new(clock, random),
            provider: "openai".to_owned(),
            model: model.to_owned(),
            dialect: "chat_completions".to_owned(),
            payer: "byok".to_owned(),
            streamed: true,
            state: "settled".to_owned(),
            outcome: Some("aborted".to_owned()),
            http_status: Some(200),
            error_code: None,
            usage: Usage::counted(output),
            billing_unknown: false,
            started_at: clock.now(),
            settled_at: Some(clock.now()),
            latency_ms: Some(0),
            ttft_ms: Some(0),
        }
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().unix_ms()
    }

    fn broken_off(mut self) -> Self {
        self.told.retain(|line| matches!(line, Told::Asked { .. }));
        self.told.push(Told::Broken { id: 1, at_ms: self.now_ms() });
        self
    }

    fn unsettled(mut self) -> Self {
        self.rows[0].state = "unsettled".to_owned();
        self.rows[0].outcome = Some("unknown".to_owned());
        self
    }

    fn wrong(self, rules: Rules) -> Vec<String> {
        let mut report = Report::new();
        Books::new(self.served, self.told, self.rows).compare(rules, &mut report);
        report.wrongs().to_vec()
    }
}

#[track_caller]
fn is_found(scene: Scene, rules: Rules, words: &str) {
    let wrong = scene.wrong(rules);
    assert!(wrong.iter().any(|wrong| wrong.contains(words)), "{wrong:?}");
}

#[test]
fn books_that_agree_are_let_be() {
    assert_eq!(Scene::whole().wrong(RULES), [""; 0]);
    assert_eq!(Scene::left(2).wrong(RULES), [""; 0]);
    assert_eq!(Scene::left(1).wrong(RULES), [""; 0], "one event may be missing");
    assert_eq!(Scene::whole().broken_off().wrong(KILLS), [""; 0], "settled before the kill");
    assert_eq!(Scene::left(0).broken_off().unsettled().wrong(KILLS), [""; 0]);
}

#[test]
fn a_lost_record_is_found() {
    let mut scene = Scene::whole();
    scene.rows.clear();

    is_found(scene, KILLS, "upstream call 1 is not in the ledger");
}

#[test]
fn a_row_of_another_lane_or_of_later_is_no_record_of_this_call() {
    let mut other = Scene::whole().broken_off();
    other.rows[0].model = "lane-001".to_owned();
    let mut later = Scene::whole().broken_off();
    later.rows[0].started_at = Timestamp::from_unix_ms(START_MS + 1);

    is_found(other, KILLS, "upstream call 1 is not in the ledger");
    is_found(later, KILLS, "upstream call 1 is not in the ledger");
}

#[test]
fn a_doubled_record_is_found() {
    let mut same = Scene::whole();
    same.rows.push(same.rows[0].clone());
    let mut other = Scene::whole();
    let second = AttemptRow { request: other.row("", 0).request, ..other.rows[0].clone() };
    other.rows.push(second);

    is_found(same, KILLS, "is in the ledger twice");
    is_found(other, KILLS, "completed, and never served");
}

#[test]
fn a_call_that_was_repeated_is_found() {
    let mut scene = Scene::whole();
    let (model, at_ms) = ("lane-000".to_owned(), scene.now_ms());
    scene.served.push(Served::Call { id: 1, model, limit: 10, at_ms });

    is_found(scene, KILLS, "was sent to the provider 2 times");
}

#[test]
fn a_whole_answer_with_an_unsettled_record_is_found() {
    is_found(Scene::whole().unsettled(), KILLS, "which the client has");
}

#[test]
fn wrong_tokens_are_found() {
    for tokens in [2, 4] {
        let mut scene = Scene::whole();
        scene.rows[0].usage.output_tokens = Some(tokens);
        is_found(scene, RULES, "instead of 1 and 3");
    }
    is_found(Scene::left(0), RULES, "0 tokens of 2, 2 unseen, 1 had");
    is_found(Scene::left(4), RULES, "4 tokens of 2");
}

#[test]
fn what_is_left_open_or_unsettled_without_a_kill_is_found() {
    let mut open = Scene::left(2);
    open.rows[0].state = "open".to_owned();

    is_found(open, KILLS, "is still open");
    is_found(Scene::left(2).unsettled(), RULES, "nothing was killed");
    is_found(Scene::left(2).unsettled(), KILLS, "nothing was killed");
}

#[test]
fn an_upstream_call_that_outlives_its_client_is_found() {
    let mut scene = Scene::left(2);
    let late = scene.now_ms() + 5001;
    scene.served.push(Served::Left { id: 1, tokens: 2, at_ms: late });

    is_found(scene, RULES, "were not closed in time");
}

#[test]
fn a_hang_up_without_a_row_is_found() {
    let mut scene = Scene::left(2);
    scene.rows.clear();

    is_found(scene, RULES, "hang-up 1 has no row");
}

#[test]
fn a_cost_that_is_a_pico_dollar_off_is_found() {
    for mut scene in [Scene::whole(), Scene::left(2)] {
        scene.rows[0].cost = scene.rows[0].cost.map(|cost| PicoUsd(cost.0 + 1));
        is_found(scene, RULES, "instead of PicoUsd(");
    }
    let mut unpriced = Scene::whole();
    unpriced.rows[0].cost = None;
    is_found(unpriced, RULES, "None instead of");
}

#[test]
fn what_a_kill_cut_off_costs_its_checkpoint_or_what_was_held() {
    let mut held = Scene::left(0).broken_off().unsettled();
    held.rows[0].usage.output_tokens = None;
    for (cost, is_right) in
        [(PRICE.of(0, 9), false), (PRICE.of(50, 10), true), (PRICE.of(0, 11), false)]
    {
        held.rows[0].cost = Some(cost);
        assert_eq!(held.clone().wrong(KILLS).is_empty(), is_right, "{cost:?}");
    }
}

#[test]
fn a_budget_that_is_another_sum_or_holds_a_phantom_is_found() {
    let scene = Scene::whole();
    let books = Books::new(scene.served, scene.told, scene.rows);
    let kept = Standing { spent: PicoUsd(3_000_016), held: PicoUsd(0) };
    let told = Spend { spent_micro_usd: Some(3), held_micro_usd: Some(0) };
    for (kept, told, is_right) in [
        (kept, told, true),
        (kept, Spend { spent_micro_usd: Some(4), ..told }, false),
        (kept, Spend { held_micro_usd: Some(1), ..told }, false),
        (Standing { spent: PicoUsd(3_000_017), ..kept }, told, false),
        (Standing { held: PicoUsd(1), ..kept }, told, false),
    ] {
        let mut report = Report::new();
        books.check_spend(kept, told, &mut report);
        assert_eq!(report.wrongs().is_empty(), is_right, "{kept:?} {told:?}");
    }
}

#[test]
fn more_than_one_event_that_was_there_long_ago_is_missed() {
    for (seen, is_right) in [(0, false), (1, true)] {
        let mut scene = Scene::left(seen);
        scene.rows[0].settled_at = Some(Timestamp::from_unix_ms(START_MS + 1000));
        scene.told.retain(|line| !matches!(line, Told::HungUp { .. }));

        assert_eq!(scene.wrong(RULES).is_empty(), is_right, "{seen}");
    }
}
