//! Whatever events there are, what is written is one well-formed stream, and tells the same when it is read.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn any_event() -> impl Strategy<Value = Event> {
    let text = || "[a-z\"\\\\\né]{1,6}";
    prop_oneof![
        Just(Event::Ping),
        text().prop_map(Event::Text),
        text().prop_map(Event::Thought),
        text().prop_map(Event::Refusal),
        text().prop_map(Event::Signature),
        text().prop_map(Event::SealedThought),
        (0..3_usize, text()).prop_map(|(index, json)| Event::Arguments { index, json }),
        (0..9_u64).prop_map(|output| {
            Event::Usage(Usage {
                input_tokens: Some(1),
                output_tokens: Some(output),
                ..Usage::default()
            })
        }),
        select(vec![Stop::End, Stop::Length, Stop::Filtered, Stop::ToolCalls])
            .prop_map(Event::Stop),
    ]
}

/// With calls in their order, and an end.
fn any_stream() -> impl Strategy<Value = Vec<Event>> {
    let calls = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3);
    (prop::collection::vec(any_event(), 0..20), calls, any::<bool>()).prop_map(
        |(mut events, calls, fails)| {
            for (index, (at, has_id)) in calls.into_iter().enumerate() {
                let call = Event::ToolCall {
                    index,
                    id: has_id.then(|| format!("call_{index}")),
                    name: format!("f{index}"),
                    signature: has_id.then(|| "s".to_owned()),
                };
                let at = at.index(events.len() + 1);
                events.insert(at, call);
            }
            events.push(if fails {
                Event::Error(UpstreamErrorBody::default())
            } else {
                Event::End
            });
            events
        },
    )
}

/// What a stream tells in the end, however it was cut.
#[derive(Debug, Default, PartialEq)]
struct Told {
    text: String,
    refusal: String,
    thoughts: String,
    proofs: Vec<String>,
    /// Names and arguments of the calls.
    calls: std::collections::BTreeMap<String, (Option<String>, String)>,
}

fn told(events: &[Event]) -> Told {
    let mut told = Told::default();
    let mut names = std::collections::HashMap::new();
    for event in events {
        match event {
            Event::Text(piece) => told.text.push_str(piece),
            Event::Refusal(piece) => told.refusal.push_str(piece),
            Event::Thought(piece) => told.thoughts.push_str(piece),
            Event::Signature(proof) | Event::SealedThought(proof) => {
                told.proofs.push(proof.clone())
            }
            Event::ToolCall { index, name, signature, .. } => {
                names.insert(*index, name.clone());
                told.calls.insert(name.clone(), (signature.clone(), String::new()));
            }
            Event::Arguments { index, json } => {
                if let Some((_, arguments)) =
                    names.get(index).and_then(|name| told.calls.get_mut(name))
                {
                    arguments.push_str(json);
                }
            }
            _ => {}
        }
    }
    for (_, arguments) in told.calls.values_mut().filter(|(_, arguments)| arguments.is_empty()) {
        arguments.push_str("{}");
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_written_tells_the_same_when_it_is_read(stream in any_stream()) {
        let fails = matches!(stream.last(), Some(Event::Error(_)));
        let ask = asked(true);
        let mut writer = Writer::new(&echo(&ask));
        let mut out = Vec::new();
        for event in stream.iter().cloned().chain([Event::Text("late".to_owned()), Event::End]) {
            writer.write(event, &mut out);
        }

        let mut reader = Reader::new();
        let mut events = Vec::new();
        out.iter().for_each(|frame| reader.read(frame, &mut events));

        let written = String::from_utf8(out.concat()).expect("UTF-8");
        prop_assert_eq!(written.matches("data: [DONE]\n\n").count(), usize::from(!fails));
        prop_assert_eq!(written.ends_with("data: [DONE]\n\n"), !fails);
        let starts = events.iter().filter(|event| matches!(event, Event::Start { .. })).count();
        let ends = events.iter().filter(|event| matches!(event, Event::End | Event::Error(_))).count();
        prop_assert!(starts <= 1, "{:?}", events);
        prop_assert_eq!(ends, 1);
        prop_assert!(matches!(events.last(), Some(Event::End | Event::Error(_))));
        let mut expected = told(&stream);
        if fails {
            // Then nobody mends what is missing, nor tells a call whose arguments never came.
            expected.calls.clear();
        }
        let mut seen = told(&events);
        if fails {
            seen.calls.clear();
        }
        prop_assert_eq!(seen, expected, "{}", written);
    }

    #[test]
    fn no_bytes_make_it_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
        let (mut reader, mut events) = (Reader::new(), Vec::new());
        for frame in frames {
            reader.read(&frame, &mut events);
            reader.read(&[b"data: ", frame.as_slice(), b"\n\n"].concat(), &mut events);
        }
    }

    #[test]
    fn no_delta_makes_it_panic(pieces in prop::collection::vec(any_delta(), 0..6)) {
        let (mut reader, mut events) = (Reader::new(), Vec::new());
        for piece in pieces {
            let chunk = serde_json::json!({"choices": [{"delta": piece}]});
            reader.read(format!("data: {chunk}\n\n").as_bytes(), &mut events);
        }
        let indices = events.iter().filter_map(|event| match event {
            Event::ToolCall { index, .. } => Some(*index),
            _ => None,
        });
        // Each call is told once, and before its arguments.
        let mut begun = std::collections::HashSet::new();
        for index in indices {
            prop_assert!(begun.insert(index));
        }
    }
}

/// Tool calls as no provider would cut them.
fn any_delta() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::json;
    let word = || prop::option::of(select(vec!["", "a", "b", "ab"]));
    let piece = (prop::option::of(0..3_u8), word(), word(), word()).prop_map(
        |(index, id, name, arguments)| {
            json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}})
        },
    );
    prop_oneof![
        prop::collection::vec(piece, 0..3).prop_map(|calls| json!({"tool_calls": calls})),
        Just(json!({"tool_calls": 7, "content": 7, "reasoning_details": 7, "function_call": 7})),
        Just(json!({"function_call": {"name": "a"}})),
        Just(json!(null)),
    ]
}
