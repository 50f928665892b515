//! Turns as the items of `input`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::fields::leave_out;
use crate::InvalidBody;
use crate::hub::{Ask, Format, ImageDetail, Part, Source, Text, ToolResult, Turn};
use crate::openai::json_mode;

pub(super) struct Input {
    pub instructions: Option<String>,
    pub items: Vec<Value>,
}

impl Input {
    /// The first of the leading instructions has a place of its own, the others are messages.
    pub fn of(ask: &Ask, left_out: &mut Vec<String>) -> Result<Self, InvalidBody> {
        let mut writing = Writing { items: Vec::new(), ids: CallIds::default(), left_out };
        let mut system = ask.system.iter();
        let instructions = system.next().map(|text| text.text.clone());
        for text in system {
            writing.message("developer", vec![input_text(text)]);
        }
        // The instructions do not count as having said it.
        let other = ask.system.get(1..).unwrap_or_default();
        if ask.format == Some(Format::Json) && !json_mode::is_spoken_of(other, &ask.turns) {
            let instruction = json!({"type": "input_text", "text": json_mode::INSTRUCTION});
            writing.message("developer", vec![instruction]);
        }
        for turn in &ask.turns {
            match turn {
                Turn::Assistant(parts) => writing.assistant(parts)?,
                Turn::System(texts) => {
                    writing.message("developer", texts.iter().map(input_text).collect());
                }
                Turn::User(parts) => writing.user(parts)?,
            }
        }
        Ok(Self { instructions, items: writing.items })
    }
}

struct Writing<'a> {
    items: Vec<Value>,
    ids: CallIds,
    left_out: &'a mut Vec<String>,
}

impl Writing<'_> {
    fn message(&mut self, role: &str, content: Vec<Value>) {
        if !content.is_empty() {
            self.items.push(json!({"type": "message", "role": role, "content": content}));
        }
    }

    /// Results are items of their own; what stands between them stays there.
    fn user(&mut self, parts: &[Part]) -> Result<(), InvalidBody> {
        let mut content = Vec::new();
        for part in parts {
            if let Part::ToolResult(result) = part {
                self.message("user", std::mem::take(&mut content));
                self.result(result)?;
            } else {
                content.push(input_part(part)?);
            }
        }
        self.message("user", content);
        Ok(())
    }

    fn assistant(&mut self, parts: &[Part]) -> Result<(), InvalidBody> {
        let mut content = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => {
                    content.push(json!({"type": "output_text", "text": text.text}));
                    continue;
                }
                Part::Refusal(text) => {
                    content.push(json!({"type": "refusal", "refusal": text}));
                    continue;
                }
                _ => self.message("assistant", std::mem::take(&mut content)),
            }
            match part {
                Part::Thought(thought) => match &thought.sealed {
                    Some(sealed) => self.items.push(json!({
                        "type": "reasoning",
                        "summary": summary(&thought.text),
                        "encrypted_content": sealed,
                    })),
                    // Unproven, or proven to another: it would be refused.
                    None => leave_out("reasoning".to_owned(), self.left_out),
                },
                Part::ToolCall(call) => {
                    if call.signature.is_some() {
                        leave_out("thought_signature".to_owned(), self.left_out);
                    }
                    self.items.push(json!({
                        "type": "function_call",
                        "call_id": self.ids.of(&call.id),
                        "name": call.name,
                        "arguments": call.arguments,
                    }));
                }
                _ => return Err(out_of_place(part)),
            }
        }
        self.message("assistant", content);
        Ok(())
    }

    fn result(&mut self, result: &ToolResult) -> Result<(), InvalidBody> {
        let output = match result.parts.as_slice() {
            [] => failed(result).unwrap_or_default().into(),
            [Part::Text(text)] => {
                format!("{}{}", failed(result).unwrap_or_default(), text.text).into()
            }
            parts => {
                let failed = failed(result).map(|text| json!({"type": "input_text", "text": text}));
                let parts = parts.iter().map(input_part);
                failed.into_iter().map(Ok).chain(parts).collect::<Result<Value, InvalidBody>>()?
            }
        };
        self.items.push(json!({
            "type": "function_call_output",
            "call_id": self.ids.of(&result.call_id),
            "output": output,
        }));
        Ok(())
    }
}

/// There is no member that says so.
fn failed(result: &ToolResult) -> Option<&'static str> {
    result.is_error.then_some("Error: ")
}

fn summary(text: &str) -> Vec<Value> {
    if text.is_empty() { Vec::new() } else { vec![json!({"type": "summary_text", "text": text})] }
}

fn input_text(text: &Text) -> Value {
    json!({"type": "input_text", "text": text.text})
}

fn input_part(part: &Part) -> Result<Value, InvalidBody> {
    Ok(match part {
        Part::Text(text) => input_text(text),
        Part::Image { source, detail, .. } => {
            let name = if matches!(source, Source::File(_)) { "file_id" } else { "image_url" };
            let detail = match detail {
                None | Some(ImageDetail::Auto) => "auto",
                Some(ImageDetail::High) => "high",
                Some(ImageDetail::Low) => "low",
            };
            json!({"type": "input_image", (name): address(source), "detail": detail})
        }
        Part::Document { name, source, .. } => match source {
            Source::Base64 { .. } => {
                // OpenAI takes no data without a name.
                let name = name.as_deref().unwrap_or("document.pdf");
                json!({"type": "input_file", "filename": name, "file_data": address(source)})
            }
            Source::File(id) => json!({"type": "input_file", "file_id": id}),
            Source::Url(url) => json!({"type": "input_file", "file_url": url}),
        },
        _ => return Err(out_of_place(part)),
    })
}

fn address(source: &Source) -> String {
    match source {
        Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
        Source::File(text) | Source::Url(text) => text.clone(),
    }
}

fn out_of_place(part: &Part) -> InvalidBody {
    let what = match part {
        Part::Audio(_) => "sound",
        Part::Document { .. } => "a document in an answer of the model's",
        Part::Image { .. } => "an image in an answer of the model's",
        Part::Refusal(_) | Part::Text(_) => "this text",
        Part::Thought(_) => "a thought in a message of the user's",
        Part::ToolCall(_) => "a tool call in a message of the user's",
        Part::ToolResult(_) => "a tool's result in an answer of the model's",
    };
    let message = format!(
        "{what} cannot be told to this model's provider: leave it out, or choose another model"
    );
    InvalidBody::new(Some("messages"), message)
}

/// The ids of calls as they are sent: OpenAI refuses long ones, and some clients hide proofs in them.
#[derive(Default)]
struct CallIds {
    long: HashMap<String, usize>,
}

impl CallIds {
    /// The same for the same id all through a conversation, and for as long as it grows.
    fn of(&mut self, id: &str) -> String {
        if id.len() <= CALL_ID_BYTES_MAX {
            return id.to_owned();
        }
        let next = self.long.len();
        let number = self.long.entry(id.to_owned()).or_insert(next);
        format!("call_long_{number}")
    }
}

const CALL_ID_BYTES_MAX: usize = 64;
