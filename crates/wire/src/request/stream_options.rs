//! Whether a stream's client asks for usage, and how its body would say so. Knows nothing of the rest of the body.

use std::ops::Range;

use serde_json::value::RawValue;

use super::edit::Edit;
use crate::InvalidBody;
use crate::json::{self, Reading};

/// What the client said about usage in its stream, and the edit that would say `true`.
pub(super) struct UsageOption {
    pub asked: bool,
    pub ask: Edit,
}

impl UsageOption {
    pub fn read(
        text: &str,
        options: Option<&RawValue>,
        stream: bool,
        model_at: &Range<usize>,
    ) -> Result<Self, InvalidBody> {
        let Some(options) = options else {
            // Behind the model, which is always there: no question of commas. Where it is put in first of all members,
            // the comma behind it is there already.
            let text = if model_at.is_empty() { BEFORE_OTHERS } else { BEHIND_MODEL };
            return Ok(Self::absent(model_at.end..model_at.end, text));
        };
        let at = json::range_in(text, options.get());
        if options.get() == "null" {
            return Ok(Self::absent(at, WHOLE_OBJECT));
        }
        let [include_usage] =
            json::members(options.get(), &["include_usage"], Reading::Unambiguous)
                .map_err(|flaw| InvalidBody::flaw(Some("stream_options"), flaw))?;
        if !stream {
            return Err(InvalidBody::new(
                Some("stream_options"),
                "`stream_options` may only be given with `stream: true`",
            ));
        }
        let Some(value) = include_usage else {
            let inside = at.start.saturating_add(1);
            let first = if json::is_telling(options) { FIRST_OF_MORE } else { ONLY_MEMBER };
            return Ok(Self::absent(inside..inside, first));
        };
        let asked = match value.get() {
            "true" => true,
            "false" | "null" => false,
            _ => {
                return Err(InvalidBody::new(
                    Some("stream_options"),
                    "`stream_options.include_usage` must be true or false",
                ));
            }
        };
        Ok(Self { asked, ..Self::absent(json::range_in(text, value.get()), "true") })
    }

    fn absent(at: Range<usize>, text: &'static str) -> Self {
        Self { asked: false, ask: Edit::replace(at, text) }
    }
}

const BEHIND_MODEL: &str = ",\"stream_options\":{\"include_usage\":true}";
const BEFORE_OTHERS: &str = "\"stream_options\":{\"include_usage\":true},";
const WHOLE_OBJECT: &str = "{\"include_usage\":true}";
const FIRST_OF_MORE: &str = "\"include_usage\":true,";
const ONLY_MEMBER: &str = "\"include_usage\":true";
