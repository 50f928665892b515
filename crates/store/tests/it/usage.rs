//! Sums of usage are those of the attempts, and both are found without reading all there is.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{GatewayKeyId, PicoUsd, ProjectId, ProviderKeyId, Timestamp, UsageBy, WorkspaceId};
use store::Store;
use store::journal::Outcome;
use store::system::AttemptRow;
use store::workspace::{AttemptFilter, UsageFilter, UsageSums};

use crate::node::{Attempt, usage};
use crate::place::Place;

/// The keys, projects and names that random attempts are made of.
struct Choice {
    workspace: WorkspaceId,
    projects: [ProjectId; 2],
    gateway_keys: [GatewayKeyId; 3],
    provider_keys: [ProviderKeyId; 3],
}

const MODELS: [&str; 3] = ["gpt-5", "claude-sonnet-5", "@cf/meta/llama"];
const PROVIDERS: [&str; 2] = ["openai", "anthropic"];
const HOUR: Duration = Duration::from_secs(3600);

fn one<T: Clone>(place: &Place, of: &[T]) -> T {
    let count = u64::try_from(of.len()).expect("few");
    let at = usize::try_from(place.random.next() % count).expect("few");
    of[at].clone()
}

impl Choice {
    fn new(place: &Place) -> Self {
        let (clock, random) = (&place.clock, &place.random);
        Self {
            workspace: WorkspaceId::new(clock, random),
            projects: std::array::from_fn(|_| ProjectId::new(clock, random)),
            gateway_keys: std::array::from_fn(|_| GatewayKeyId::new(clock, random)),
            provider_keys: std::array::from_fn(|_| ProviderKeyId::new(clock, random)),
        }
    }

    fn attempt(&self, place: &Place) -> Attempt {
        let mut attempt = place.attempt();
        let hours = u32::try_from(place.random.next() % 60).expect("few");
        let minutes = u32::try_from(place.random.next() % 60).expect("few");
        let at = place.now().minus(HOUR * hours + Duration::from_secs(60) * minutes);
        let started = &mut attempt.started;
        started.workspace = self.workspace;
        started.project = one(place, &self.projects);
        started.gateway_key = one(place, &self.gateway_keys);
        started.provider_key = Some(one(place, &self.provider_keys));
        started.model = one(place, &MODELS).to_owned();
        started.provider = one(place, &PROVIDERS).to_owned();
        started.payer = one(place, &["byok", "platform"]).to_owned();
        started.at = at;
        started.held_at = at;
        started.hold_pico_usd = one(place, &[None, Some(7_000_000_000_003)]);
        let settled = &mut attempt.settled;
        settled.status =
            one(place, &[Outcome::Completed, Outcome::Cut, Outcome::Failed, Outcome::Aborted]);
        settled.usage = usage(place.random.next() % 5000, false);
        settled.cost_pico_usd = one(place, &[None, Some(place.random.next() % 3_000_000_000)]);
        settled.latency_ms = place.random.next() % 9000;
        settled.ttft_ms = one(place, &[None, Some(17)]);
        attempt
    }
}

fn everything(place: &Place) -> UsageFilter {
    UsageFilter {
        from: Timestamp::from_unix_ms(0),
        to: place.now().plus(HOUR),
        gateway_key: None,
        model: None,
        payer: None,
        project: None,
        provider: None,
        provider_key: None,
    }
}

fn all_attempts(place: &Place) -> AttemptFilter {
    AttemptFilter {
        from: Timestamp::from_unix_ms(0),
        to: place.now().plus(HOUR),
        gateway_key: None,
        model: None,
        outcome: None,
        payer: None,
        project: None,
        provider: None,
        provider_key: None,
        state: None,
        status_min: None,
        streamed: None,
    }
}

async fn pages(
    store: &Store,
    workspace: WorkspaceId,
    filter: &AttemptFilter,
    limit: u32,
) -> Vec<AttemptRow> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let workspace = store.workspace(workspace);
        let page = workspace.attempts(filter, after.as_ref(), limit).await.expect("read");
        rows.extend(page.rows);
        match page.next {
            Some(next) => after = Some(next),
            None => return rows,
        }
    }
}

/// What the attempts come to, added up here.
fn added_up<'a>(rows: impl Iterator<Item = &'a AttemptRow>) -> UsageSums {
    let mut sums = UsageSums::default();
    for row in rows.filter(|row| row.state != "open") {
        let tokens = |count: Option<u64>| i64::try_from(count.unwrap_or(0)).expect("small");
        sums.requests += i64::from(row.attempt == 1);
        sums.attempts += 1;
        sums.failures += i64::from(matches!(row.outcome.as_deref(), Some("cut" | "failed")));
        sums.unpriced += i64::from(row.cost.is_none());
        sums.unsettled += i64::from(row.state == "unsettled");
        sums.input_tokens += tokens(row.usage.input_tokens);
        sums.cached_tokens += tokens(row.usage.cached_tokens);
        sums.cache_write_tokens += tokens(row.usage.cache_write_tokens);
        sums.output_tokens += tokens(row.usage.output_tokens);
        sums.reasoning_tokens += tokens(row.usage.reasoning_tokens);
        sums.cost = PicoUsd(sums.cost.0 + row.cost.unwrap_or_default().0);
        sums.latency_ms += row.latency_ms.unwrap_or(0);
        sums.ttft_ms += row.ttft_ms.unwrap_or(0);
        sums.ttft_count += i64::from(row.ttft_ms.is_some());
    }
    sums
}

fn part(by: UsageBy, row: &AttemptRow) -> String {
    let down_to = |ms: i64| (row.started_at.unix_ms() / ms * ms).to_string();
    match by {
        UsageBy::Day => down_to(24 * 3_600_000),
        UsageBy::GatewayKey => row.gateway_key.to_string(),
        UsageBy::Hour => down_to(3_600_000),
        UsageBy::Model => row.model.clone(),
        UsageBy::Payer => row.payer.clone(),
        UsageBy::Project => row.project.to_string(),
        UsageBy::Provider => row.provider.clone(),
        UsageBy::ProviderKey => row.provider_key.to_string(),
    }
}

/// Some of everything, told by a node that then dies: of what it left open nobody saw the end.
async fn filled(place: &Place, store: &Store, count: usize) -> Choice {
    let choice = Choice::new(place);
    let node = place.node();
    for number in 0..count {
        let attempt = choice.attempt(place);
        match number % 20 {
            0 => node.append([attempt.starts()]).await,
            1 => node.append([attempt.starts(), attempt.goes_on()]).await,
            _ => node.append(attempt.whole()).await,
        }
    }
    node.append([Choice::new(place).attempt(place).starts()]).await;
    let node = node.restart();
    node.drainer(store).replay(place.now()).await.expect("replayed");
    choice
}

pub async fn sums_are_those_of_the_attempts_however_they_are_told_apart(place: Place) {
    let store = place.store().await;
    let choice = filled(&place, &store, 400).await;
    let rows = pages(&store, choice.workspace, &all_attempts(&place), 500).await;
    assert_eq!(rows.len(), 400);
    assert!(rows.iter().any(|row| row.state == "unsettled"));
    let mut filters = vec![everything(&place)];
    let with = |change: &dyn Fn(&mut UsageFilter)| {
        let mut filter = everything(&place);
        change(&mut filter);
        filter
    };
    filters.push(with(&|filter| filter.model = Some(MODELS[2].to_owned())));
    filters.push(with(&|filter| filter.provider = Some(PROVIDERS[0].to_owned())));
    filters.push(with(&|filter| filter.payer = Some("platform".to_owned())));
    filters.push(with(&|filter| filter.project = Some(choice.projects[1])));
    filters.push(with(&|filter| filter.gateway_key = Some(choice.gateway_keys[2])));
    filters.push(with(&|filter| filter.provider_key = Some(choice.provider_keys[0])));
    // It is noon: within two days, from one day through a whole one into the next, and that whole one alone.
    for (from, to) in [(30, 4), (55, 2), (36, 12)] {
        filters.push(with(&|filter| {
            filter.from = place.now().minus(HOUR * from);
            filter.to = place.now().minus(HOUR * to);
        }));
    }

    for filter in filters {
        let fits = |row: &&AttemptRow| {
            let hour = row.started_at.unix_ms() / 3_600_000 * 3_600_000;
            (filter.from.unix_ms()..filter.to.unix_ms()).contains(&hour)
                && filter.model.as_ref().is_none_or(|it| *it == row.model)
                && filter.provider.as_ref().is_none_or(|it| *it == row.provider)
                && filter.payer.as_ref().is_none_or(|it| *it == row.payer)
                && filter.project.is_none_or(|it| it == row.project)
                && filter.gateway_key.is_none_or(|it| it == row.gateway_key)
                && filter.provider_key.is_none_or(|it| it == row.provider_key)
        };
        for by in UsageBy::ALL {
            let mut groups: BTreeMap<String, Vec<&AttemptRow>> = BTreeMap::new();
            for row in rows.iter().filter(fits) {
                groups.entry(part(by, row)).or_default().push(row);
            }
            let expected: BTreeMap<_, _> =
                groups.into_iter().map(|(part, rows)| (part, added_up(rows.into_iter()))).collect();

            let sums = store.workspace(choice.workspace).usage(&filter, by, 5000).await;

            let sums: BTreeMap<_, _> =
                sums.expect("read").into_iter().map(|row| (row.part, row.sums)).collect();
            assert!(!sums.is_empty());
            assert_eq!(sums, expected, "{by:?} {filter:?}");
        }
    }
    let (ours, nobodys) =
        (store.workspace(choice.workspace), store.workspace(place.workspace_id()));
    let everything = everything(&place);
    assert_eq!(ours.usage(&everything, UsageBy::Hour, 3).await.expect("read").len(), 3);
    assert!(nobodys.usage(&everything, UsageBy::Day, 9).await.expect("read").is_empty());
}

pub async fn every_filter_finds_the_attempts_that_fit(place: Place) {
    let store = place.store().await;
    let choice = filled(&place, &store, 200).await;
    let rows = pages(&store, choice.workspace, &all_attempts(&place), 500).await;
    type Fits<'a> = Box<dyn Fn(&AttemptRow) -> bool + 'a>;
    let with = |change: &dyn Fn(&mut AttemptFilter)| {
        let mut filter = all_attempts(&place);
        change(&mut filter);
        filter
    };
    let (early, late) = (place.now().minus(HOUR * 40), place.now().minus(HOUR * 2));
    let (key, project) = (choice.gateway_keys[0], choice.projects[0]);
    let own = choice.provider_keys[1];
    let cases: Vec<(AttemptFilter, Fits<'_>)> = vec![
        (with(&|it| it.gateway_key = Some(key)), Box::new(|row| row.gateway_key == key)),
        (with(&|it| it.project = Some(project)), Box::new(|row| row.project == project)),
        (with(&|it| it.provider_key = Some(own)), Box::new(|row| row.provider_key == own)),
        (with(&|it| it.model = Some("gpt-5".to_owned())), Box::new(|row| row.model == "gpt-5")),
        (
            with(&|it| it.provider = Some("openai".to_owned())),
            Box::new(|row| row.provider == "openai"),
        ),
        (with(&|it| it.payer = Some("byok".to_owned())), Box::new(|row| row.payer == "byok")),
        (
            with(&|it| it.outcome = Some("cut".to_owned())),
            Box::new(|row| row.outcome.as_deref() == Some("cut")),
        ),
        (
            with(&|it| it.state = Some("unsettled".to_owned())),
            Box::new(|row| row.state == "unsettled"),
        ),
        (
            with(&|it| {
                it.state = Some("unsettled".to_owned());
                it.gateway_key = Some(key);
            }),
            Box::new(|row| row.state == "unsettled" && row.gateway_key == key),
        ),
        (
            with(&|it| it.status_min = Some(200)),
            Box::new(|row| row.http_status.is_some_and(|status| status >= 200)),
        ),
        (with(&|it| it.status_min = Some(201)), Box::new(|_| false)),
        (with(&|it| it.streamed = Some(false)), Box::new(|_| false)),
        (with(&|it| it.streamed = Some(true)), Box::new(|_| true)),
        (
            with(&|it| (it.from, it.to) = (early, late)),
            Box::new(|row| early <= row.started_at && row.started_at < late),
        ),
    ];

    for (filter, fits) in cases {
        let expected: Vec<_> = rows.iter().filter(|row| fits(row)).map(AttemptRow::place).collect();
        for limit in [7, 500] {
            let found = pages(&store, choice.workspace, &filter, limit).await;

            let found: Vec<_> = found.iter().map(AttemptRow::place).collect();
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

pub async fn pages_stay_as_they_were_while_attempts_are_added(place: Place) {
    let store = place.store().await;
    let choice = filled(&place, &store, 60).await;
    let before = pages(&store, choice.workspace, &all_attempts(&place), 500).await;
    let node = place.node();
    let mut drainer = node.drainer(&store);
    let (mut seen, mut after) = (Vec::new(), None);

    loop {
        let workspace = store.workspace(choice.workspace);
        let page = workspace.attempts(&all_attempts(&place), after.as_ref(), 7).await;
        let page = page.expect("read");
        seen.extend(page.rows.iter().map(AttemptRow::place));
        let mut newer = choice.attempt(&place);
        newer.started.at = place.now();
        node.append(newer.whole()).await;
        drainer.catch_up().await.expect("drained");
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }

    let before: Vec<_> = before.iter().map(AttemptRow::place).collect();
    assert_eq!(seen, before, "nothing twice, nothing missing");
    let attempts = store.workspace(choice.workspace).attempts_of(before[0].request).await;
    assert_eq!(attempts.expect("read").len(), 1);
    let elsewhere = store.workspace(place.workspace_id()).attempts_of(before[0].request).await;
    assert!(elsewhere.expect("read").is_empty());
}
