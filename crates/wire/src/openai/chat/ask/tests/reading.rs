//! What is understood of a request, and what is refused.

use model::catalogue::Quirks;
use serde_json::{Value, json};

use super::super::read;
use super::{call, said, target, user, written};
use crate::InvalidBody;
use crate::hub::{
    Ask, CachePoint, Effort, Part, Reasoning, Text, Thought, ToolCall, ToolResult, Turn,
};

#[test]
fn what_cannot_be_translated_is_refused_by_its_name() {
    for (member, param, words) in [
        (json!({"n": 2}), Some("n"), "more than one answer (`n`) cannot be had"),
        (json!({"logprobs": true}), Some("logprobs"), "log probabilities (`logprobs`)"),
        (json!({"top_logprobs": 3}), Some("logprobs"), "log probabilities"),
        (json!({"modalities": ["text", "audio"]}), Some("modalities"), "anything but text"),
        (json!({"audio": {"voice": "x"}}), Some("modalities"), "anything but text"),
        (json!({"logit_bias": {"1": -100}}), Some("logit_bias"), "a bias on tokens"),
        (json!({"web_search_options": {}}), Some("web_search_options"), "a search of the web"),
        (json!({"functions": []}), Some("functions"), "use `tools`"),
        (json!({"function_call": "auto"}), Some("function_call"), "use `tool_choice`"),
        (json!({"plugins": []}), None, "`plugins` is not known here"),
        (json!({"sk-CANARY": 1}), None, "a member of the body is not known here"),
        (json!({"temperature": "hot"}), Some("temperature"), "`temperature` must be a number"),
        (json!({"seed": 1.5}), Some("seed"), "`seed` must be a whole number"),
        (json!({"stop": [1]}), Some("stop"), "`stop` must be a string or a list of strings"),
        (
            json!({"reasoning_effort": "huge"}),
            Some("reasoning_effort"),
            "one of \"none\", \"minimal\"",
        ),
        (
            json!({"reasoning": {"effort": 1}}),
            Some("reasoning"),
            "`reasoning.effort` must be a string",
        ),
        (
            json!({"reasoning": {"tone": 1}}),
            Some("reasoning"),
            "`reasoning.tone` is not known here",
        ),
        (
            json!({"thinking": {"type": "on"}}),
            Some("thinking"),
            "`thinking.type` must be \"enabled\"",
        ),
        (json!({"stream_options": {"x": 1}}), Some("stream_options"), "`stream_options.x` is not"),
        (json!({"tools": [{"type": "custom"}]}), Some("tools"), "a tool that is not a function"),
        (
            json!({"tools": [{"type": "function"}]}),
            Some("tools"),
            "`tools.function` must be an object",
        ),
        (json!({"tool_choice": "some"}), Some("tool_choice"), "`tool_choice` must be \"auto\""),
        (
            json!({"tool_choice": {"type": "allowed_tools"}}),
            Some("tool_choice"),
            "a choice of tools",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            Some("response_format"),
            "`response_format.type`",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            Some("response_format"),
            "must be an object",
        ),
        (json!({"messages": []}), Some("messages"), "at least one message"),
        (json!({"messages": "hi"}), Some("messages"), "`messages` must be a list"),
        (json!({"messages": [7]}), Some("messages"), "`messages` must be an object"),
        (json!({"messages": [{"content": "x"}]}), Some("messages"), "`messages.role` must be"),
        (json!({"messages": [{"role": "robot"}]}), Some("messages"), "`messages.role` must be"),
        (json!({"messages": [{"role": "function"}]}), Some("messages"), "the old role"),
        (json!({"messages": [{"role": "user"}]}), Some("messages"), "`messages.content` must be"),
        (
            json!({"messages": [{"role": "user", "content": "x", "mood": 1}]}),
            Some("messages"),
            "`messages.mood` is not",
        ),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            Some("messages"),
            "`messages.tool_call_id`",
        ),
        (
            json!({"messages": [{"role": "assistant", "function_call": {}}]}),
            Some("messages"),
            "an old function call",
        ),
        (
            json!({"messages": [{"role": "assistant", "audio": {"id": "x"}}]}),
            Some("messages"),
            "anything but text",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f"}}]}]}),
            Some("messages"),
            "`messages.tool_calls.id` must be a string",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {}}]}]}),
            Some("messages"),
            "`messages.tool_calls.type` must be \"function\"",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}),
            Some("messages"),
            "`messages.content.type` must be",
        ),
        (
            json!({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}),
            Some("messages"),
            "text where the role is \"system\"",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]}),
            Some("messages"),
            "data URLs that are not base64",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}),
            Some("messages"),
            "`messages.content.file.file_data`",
        ),
    ] {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().expect("an object").extend(member.as_object().cloned().expect("one"));

        let InvalidBody { param: named, message } =
            read(body.to_string().as_bytes()).expect_err(&member.to_string());

        assert_eq!(named, param, "{member}");
        assert!(message.contains(words), "{member}: {message}");
        assert!(!message.contains("CANARY"));
    }
}

#[test]
fn what_asks_for_nothing_is_let_pass() {
    let body = json!({
        "messages": [{"role": "user", "content": "hi", "name": null}],
        "n": 1, "logprobs": false, "top_logprobs": null, "modalities": ["text"], "logit_bias": {},
        "functions": null, "response_format": {"type": "text"}, "tools": [], "stop": null,
        "include_reasoning": false, "plugins": null,
        "routing": {}, "models": ["x"], "provider": {},
    });

    let ask = read(body.to_string().as_bytes()).expect("valid");

    assert_eq!(ask, Ask { turns: vec![user("hi")], ..Ask::default() });
}

#[test]
fn a_body_that_is_no_object_is_explained() {
    for (body, words) in [
        ("", "the body ends before its JSON does"),
        ("[]", "the body must be a JSON object"),
        ("{\"a\":}", "the body is not valid JSON at line 1, column 6"),
        ("{}", "`messages` must be a list of at least one message"),
    ] {
        assert_eq!(read(body.as_bytes()).expect_err(body).message, words);
    }
}

#[test]
fn thinking_is_asked_for_in_many_words() {
    let reasoning = |effort, budget_tokens, shown| Some(Reasoning { effort, budget_tokens, shown });
    for (body, expected) in [
        (json!({}), None),
        (json!({"include_reasoning": false}), None),
        (json!({"include_reasoning": true}), reasoning(None, None, true)),
        (json!({"reasoning_effort": "low"}), reasoning(Some(Effort::Low), None, true)),
        (json!({"reasoning_effort": "none"}), reasoning(Some(Effort::None), None, false)),
        (
            json!({"reasoning_effort": "max", "include_reasoning": false}),
            reasoning(Some(Effort::Max), None, false),
        ),
        (
            json!({"reasoning": {"effort": "high", "exclude": true}}),
            reasoning(Some(Effort::High), None, false),
        ),
        (json!({"reasoning": {"max_tokens": 2000}}), reasoning(None, Some(2000), true)),
        (json!({"reasoning": {"enabled": true}}), reasoning(Some(Effort::Medium), None, true)),
        (json!({"reasoning": {"enabled": false}}), reasoning(Some(Effort::None), None, false)),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            reasoning(None, Some(1024), true),
        ),
        (json!({"thinking": {"type": "adaptive"}}), reasoning(Some(Effort::Medium), None, true)),
        (json!({"thinking": {"type": "disabled"}}), reasoning(Some(Effort::None), None, false)),
        (
            json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high", "reasoning_format": "hidden"}),
            reasoning(Some(Effort::High), None, false),
        ),
    ] {
        let mut whole = json!({"messages": [{"role": "user", "content": "hi"}]});
        whole.as_object_mut().expect("an object").extend(body.as_object().cloned().expect("one"));

        let ask = read(whole.to_string().as_bytes()).expect("valid");

        assert_eq!(ask.reasoning, expected, "{body}");
    }
}

#[test]
fn thoughts_and_proofs_are_accepted_under_every_name() {
    let thought = |text: &str, signature: Option<&str>, sealed: Option<&str>| Thought {
        text: text.to_owned(),
        signature: signature.map(str::to_owned),
        sealed: sealed.map(str::to_owned),
    };
    for (message, expected) in [
        (json!({"reasoning_content": "a"}), vec![thought("a", None, None)]),
        (json!({"reasoning": "a", "reasoning_content": " "}), vec![thought("a", None, None)]),
        (
            json!({"reasoning_content": "ab", "reasoning_details": [
                {"type": "reasoning.text", "text": "a", "index": 0},
                {"type": "reasoning.text", "text": "b", "index": 0},
                {"type": "reasoning.text", "signature": "s", "index": 0},
                {"type": "reasoning.encrypted", "data": "d", "index": 1},
            ]}),
            vec![thought("ab", Some("s"), None), thought("", None, Some("d"))],
        ),
        (
            json!({"reasoning_details": [
                {"type": "reasoning.summary", "summary": "a", "index": 0},
                {"type": "reasoning.encrypted", "data": "d", "index": 0},
                {"type": "reasoning.text", "text": "b", "index": 0},
            ]}),
            vec![thought("a", None, Some("d")), thought("b", None, None)],
        ),
        (
            json!({"reasoning_details": [
                {"type": "reasoning.text", "text": "a"}, {"type": "reasoning.text", "text": "b"}, {"type": "new"}, 7,
            ]}),
            vec![thought("a", None, None), thought("b", None, None)],
        ),
        (
            json!({"reasoning": "a", "reasoning_details": [{"type": "reasoning.encrypted", "data": "d", "id": "rs_1"}]}),
            vec![thought("a", None, None), thought("", None, Some("d"))],
        ),
        (
            json!({"thinking_blocks": [
                {"type": "thinking", "thinking": "a", "signature": "s"}, {"type": "redacted_thinking", "data": "d"},
            ]}),
            vec![thought("a", Some("s"), None), thought("", None, Some("d"))],
        ),
        (
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]}),
            vec![thought("a", None, None)],
        ),
    ] {
        let mut whole = json!({"role": "assistant"});
        whole
            .as_object_mut()
            .expect("an object")
            .extend(message.as_object().cloned().expect("one"));
        let body = json!({"messages": [whole]});

        let ask = read(body.to_string().as_bytes()).expect("valid");

        let parts = expected.into_iter().map(Part::Thought).collect();
        assert_eq!(ask.turns, vec![Turn::Assistant(parts)], "{message}");
        assert_eq!(ask.left_out, Vec::<String>::new());
    }
}

#[test]
fn geminis_proof_of_a_call_is_accepted_in_two_places() {
    let in_call = json!({"google": {"thought_signature": "s"}});
    let detail = json!({"type": "reasoning.encrypted", "format": "google-gemini-v1", "id": "c", "data": "s"});
    for (extra, details) in [
        (in_call.clone(), json!([])),
        (Value::Null, json!([detail.clone()])),
        (in_call, json!([detail])),
    ] {
        let function = json!({"name": "f", "arguments": ""});
        let whole =
            json!({"id": "c", "type": "function", "function": function, "extra_content": extra});
        let body = json!({"messages": [{"role": "assistant", "tool_calls": [whole], "reasoning_details": details}]});

        let ask = read(body.to_string().as_bytes()).expect("valid");

        let call = ToolCall { signature: Some("s".to_owned()), ..call("c", "f") };
        assert_eq!(ask.turns, vec![Turn::Assistant(vec![Part::ToolCall(call)])]);
    }
}

#[test]
fn cache_points_are_read_wherever_they_stand() {
    let here = json!({"type": "ephemeral"});
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    let body = json!({"messages": [
        {"role": "system", "content": "a", "cache_control": here},
        {"role": "user", "content": [
            {"type": "text", "text": "b", "cache_control": here}, {"type": "text", "text": "c"},
        ]},
        {"role": "assistant", "content": "d", "tool_calls": [{"id": "c", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "e", "cache_control": here}]},
    ], "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": hour}]});

    let ask = read(body.to_string().as_bytes()).expect("valid");

    let cached = |text: &str| Text { text: text.to_owned(), cache_point: CachePoint::Usual };
    assert_eq!(ask.system, vec![cached("a")]);
    let Turn::User(parts) = &ask.turns[0] else { panic!("a user's turn") };
    assert_eq!(parts, &vec![Part::Text(cached("b")), said("c")]);
    let Turn::User(parts) = &ask.turns[2] else { panic!("a user's turn") };
    let result = ToolResult {
        call_id: "c".to_owned(),
        name: Some("f".to_owned()),
        parts: vec![said("e")],
        is_error: false,
        cache_point: CachePoint::Usual,
    };
    assert_eq!(parts, &vec![Part::ToolResult(result)]);
    assert_eq!(ask.tools[0].cache_point, CachePoint::Hour);
    let quirks = Quirks::default();
    assert_eq!(written(&ask, &target(&quirks)).1, vec!["cache_control"]);
}
