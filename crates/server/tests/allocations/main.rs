//! What a request allocates on its way through the data plane, from its head to the last byte of its answer: a cost that no
//! busy machine changes. The connection to the provider is counted in; the client's, the journal's writer and the ledger,
//! which have threads of their own, are not.

// Lints that are off in tests look for this mark.
#![cfg(test)]

use std::fmt;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use gateway::{Body, Gateway, Raw, handle};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use model::RequestId;
use serde_json::{Value, json};
use testkit::app::TestApp;
use testkit::fake::{FakeProvider, Reply, chat_stream_bytes};
use tokio::runtime::{Builder, Runtime};

/// Half as much again as when they were set (95 times, 22 502 bytes, and next to nothing for an event): what fails is not one
/// more name, but a body that is copied.
const PLAIN_MAX: Allocations = Allocations { count: 150, bytes: 36_000 };
const EVENT_MAX: Allocations = Allocations { count: 3, bytes: 1_000 };
/// Of the future of a request, which is moved about before it is polled.
const STATE_BYTES_MAX: usize = 14_336;

#[test]
fn a_request_and_an_event_allocate_little() {
    let elsewhere = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let scene = Scene::new(elsewhere.expect("a runtime"));

    let plain = scene.usual(|| scene.chat(&json!({ "stream": false })));
    scene.fake.always(Reply::stream_of(events(FEW_EVENTS)));
    let short = scene.usual(|| scene.chat(&json!({ "stream": true })));
    scene.fake.always(Reply::stream_of(events(MANY_EVENTS)));
    let long = scene.usual(|| scene.chat(&json!({ "stream": true })));

    let event = long.beyond(short).each(MANY_EVENTS - FEW_EVENTS);
    let state = std::mem::size_of_val(&handle(scene.app.app.gateway(), scene.chat(&json!({}))));
    println!(
        "allocations: a plain request {plain}, an event of a stream {event}; its state {state} bytes"
    );
    assert!(state <= STATE_BYTES_MAX, "what a request carries about takes {state} bytes");
    assert!(plain.is_within(PLAIN_MAX), "a plain request allocates {plain}, more than {PLAIN_MAX}");
    assert!(event.is_within(EVENT_MAX), "an event allocates {event}, more than {EVENT_MAX}");
}

const FEW_EVENTS: usize = 10;
const MANY_EVENTS: usize = 110;
const WARM_UP: usize = 10;
const TIMES: usize = 20;

/// Each in a chunk of its own.
fn events(content: usize) -> Vec<Bytes> {
    let stream = chat_stream_bytes(content, true);
    let text = std::str::from_utf8(&stream).expect("text");
    text.split_inclusive("\n\n").map(|event| Bytes::copy_from_slice(event.as_bytes())).collect()
}

/// The gateway on threads of its own, and one thread, this one, that what is counted runs on.
struct Scene {
    app: TestApp,
    fake: FakeProvider,
    key: String,
    here: Runtime,
    _elsewhere: Runtime,
}

impl Scene {
    fn new(elsewhere: Runtime) -> Self {
        let (app, fake, key) = elsewhere.block_on(async {
            let fake = FakeProvider::start().await;
            let app = TestApp::start(&fake).await;
            let owner = app.set_up().await;
            // Not asked whether it works, so that every connection to the provider is made here.
            let provider_key = json!({
                "provider": "openai", "api_key": "sk-allocations-0123456789",
                "validate_before_save": false,
            });
            app.add_provider_key(&owner, &provider_key).await.expect(201);
            let busy = json!({
                "name": "busy", "spend_cap_micro_usd": 1_000_000_000_u64, "cap_mode": "strict",
                "rpm_limit": 1_000_000_000_u64, "tpm_limit": 1_000_000_000_000_u64,
            });
            let key = app.gateway_key(&owner, &busy).await.expect(201).at("/key");
            (app, fake, key)
        });
        let here = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { app, fake, key, here, _elsewhere: elsewhere }
    }

    /// Of many times the one in the middle.
    fn usual(&self, request: impl Fn() -> Raw) -> Allocations {
        for _ in 0..WARM_UP {
            self.counted(request());
        }
        let mut counted: Vec<_> = (0..TIMES).map(|_| self.counted(request())).collect();
        counted.sort_by_key(|it| it.count);
        counted[TIMES / 2]
    }

    fn counted(&self, raw: Raw) -> Allocations {
        let gateway = self.app.app.gateway();
        Allocations::of(&measure(|| self.here.block_on(ask(gateway, raw))))
    }

    fn chat(&self, more: &Value) -> Raw {
        let mut body = json!({
            "model": "openai/gpt-4o-mini", "max_tokens": 256,
            "messages": [{ "role": "user", "content": "word ".repeat(80) }],
        });
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/chat/completions")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(())
            .expect("a request");
        let body: Body =
            Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed_unsync();
        let id = RequestId::new(&model::clock::SystemClock, &model::random::OsRandom);
        Raw { id, parts: request.into_parts().0, body }
    }
}

/// To the last byte of the answer.
async fn ask(gateway: &Gateway, raw: Raw) {
    let Ok(reply) = handle(gateway, raw).await else { panic!("the request was refused") };
    let (head, mut body) = reply.into_parts();
    assert_eq!(head.status, StatusCode::OK);
    while let Some(frame) = body.frame().await {
        assert!(frame.is_ok(), "the answer broke off");
    }
}

#[derive(Clone, Copy)]
struct Allocations {
    count: u64,
    bytes: u64,
}

impl Allocations {
    fn of(info: &AllocationInfo) -> Self {
        Self { count: info.count_total, bytes: info.bytes_total }
    }

    fn beyond(self, other: Self) -> Self {
        let count = self.count.saturating_sub(other.count);
        Self { count, bytes: self.bytes.saturating_sub(other.bytes) }
    }

    fn each(self, times: usize) -> Self {
        let times = u64::try_from(times).expect("a small number");
        Self { count: self.count.div_ceil(times), bytes: self.bytes.div_ceil(times) }
    }

    fn is_within(self, most: Self) -> bool {
        self.count <= most.count && self.bytes <= most.bytes
    }
}

impl fmt::Display for Allocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} times, {} bytes", self.count, self.bytes)
    }
}
