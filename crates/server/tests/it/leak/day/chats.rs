//! Requests of applications, and every way in which a provider fails them.

use serde_json::json;
use testkit::fake::{Reply, Step, split_at};
use testkit::hello;
use testkit::http::Whole;

use super::secrets::{KEYS, PROMPTS};
use super::{Day, STATUSES};

impl Day<'_> {
    /// With the stored key of that number.
    async fn chat(&mut self, number: usize, streamed: bool) -> Whole {
        let key = number % self.key_ids.len();
        let prompt = self.secrets.prompts[number % PROMPTS].clone();
        let mut body = hello("openai/gpt-5-mini");
        body["messages"][0]["content"] = json!(prompt);
        body["metadata"] = json!({ "note": prompt });
        body["stream"] = json!(streamed);
        body["routing"] = json!({ "provider_key": self.key_ids[key] });
        let call = self.api().post("/v1/chat/completions", &body).bearer(&self.gateway_key);
        // The caller's own words may come back, here from the echo; a caller's own log is not ours.
        let whole = self.hear(&format!("chat {number} with key {key}"), call).await;
        self.ears.unhear(&prompt);
        whole
    }

    pub async fn chats(&mut self) {
        for number in 0..KEYS.max(PROMPTS) {
            self.fake.next(Reply::standard());
            self.chat(number, number % 2 == 0).await.expect(200);
            self.fake.next(Reply::echo());
            self.chat(number, false).await.expect(200);
            self.fake.next(Reply::echo_stream());
            self.chat(number, true).await.expect(200);
        }
    }

    pub async fn provider_failures(&mut self) {
        for (number, status) in STATUSES.into_iter().enumerate() {
            self.fake.always(Reply::echo_error(status));
            self.chat(number, false).await;
            self.chat(number, true).await;
        }
        let key = self.secrets.keys[0].clone();
        let codes = ["invalid_api_key", "insufficient_quota", "model_not_found", "server_error"];
        for code in codes.into_iter().chain([key.as_str()]) {
            for status in [200, 400, 429] {
                self.fake.always(Reply::openai_error(status, code, Some(code), &key));
                self.chat(0, false).await;
            }
        }
        for characters in 440..500 {
            let words = format!("{}{key}", "-".repeat(characters));
            self.fake.always(Reply::openai_error(400, "invalid_request_error", None, &words));
            self.chat(0, false).await.expect(400);
        }
        let raw = |head: String| Reply::raw(format!("HTTP/1.1 {head}\r\n\r\n"));
        for reply in [
            Reply::cut_before_headers(),
            Reply::reset_before_headers(),
            Reply::json_steps(vec![Step::bytes(format!("{{\"a\":\"{key}")), Step::Cut]),
            Reply::echo().with_header("content-type", &format!("application/json; key={key}")),
            Reply::echo().with_header("content-encoding", &key),
            Reply::echo().with_header("retry-after", &key),
            Reply::echo_error(429).with_header("retry-after", &key),
            Reply::redirect(307, &format!("http://127.0.0.1:1/{key}")),
            raw(format!("{key} what")),
            raw(format!("200 {key}\r\ncontent-length: 2")),
            raw(format!("200 OK\r\ncontent-length: {key}")),
            raw(format!("200 OK\r\n{key}")),
            raw(format!("200 OK\r\ntransfer-encoding: {key}")),
            Reply::raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{key}\r\n")),
            Reply::raw(format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nx-key: {key}\r\n\r\n"
            )),
        ] {
            self.fake.always(reply);
            self.chat(0, false).await;
            self.chat(0, true).await;
        }
        self.fake.always(Reply::standard());
    }

    pub async fn broken_streams(&mut self) {
        let key = self.secrets.keys[0].clone();
        let start = r#"data: {"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
        let error = |words: &str| format!("data: {{\"error\":{{\"message\":\"{words}\"}}}}\n\n");
        let mut bodies = vec![
            format!("{start}\n\n{}", error(&key)),
            format!("{start}\n\nevent: error\ndata: {key}\n\n"),
            format!("{start}\n\n: {key}\n\ndata: [DONE]\n\n"),
            format!("{start}\n\nid: {key}\nevent: {key}\nretry: {key}\n\n"),
            format!("{start}\n\ndata: {key}\n\n"),
            format!("{start}\n\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"{key}"),
            format!("{start}\n\n{key}"),
            format!("{start}\n\ndata: [DONE]\n\ndata: {key}\n\n"),
        ];
        bodies.extend((440..500).step_by(4).map(|characters| {
            format!("{start}\n\n{}", error(&format!("{}{key}", "-".repeat(characters))))
        }));
        for body in bodies {
            for ending in [None, Some(Step::Cut), Some(Step::Reset)] {
                let bytes = body.clone().into_bytes().into();
                let pieces = split_at(bytes, &[body.find(&key).expect("the key") + 20]);
                let steps = pieces.into_iter().map(Step::Bytes).chain(ending);
                self.fake.next(Reply::stream(steps.collect()));
                self.chat(0, true).await.expect(200);
            }
        }
        // Half a key and then nothing.
        for length in 1..key.len() {
            for ending in [None, Some(Step::Cut)] {
                let body = format!("{start}\n\ndata: {{\"x\":\"{}", &key[..length]);
                let steps = [Step::bytes(body)].into_iter().chain(ending);
                self.fake.next(Reply::stream(steps.collect()));
                self.chat(0, true).await.expect(200);
            }
        }
    }
}
