//! Requests: what is read of them, what is written, and both after one another.

use std::fs;
use std::path::Path;

use model::catalogue::Quirks;
use serde_json::{Value, json};

use super::{read, write};
use crate::InvalidBody;
use crate::hub::{Ask, Target};

mod reading;
mod round_trip;
mod writing;

/// What a provider is sent, and the names of what it is not told.
fn written(ask: &Ask, model: &str) -> Result<(Value, Vec<String>), InvalidBody> {
    let quirks = Quirks::default();
    let target = Target {
        model,
        quirks: &quirks,
        traits: None,
        output_tokens_max: Some(65_536),
        include_usage: false,
    };
    let mut left_out = Vec::new();
    let body = write(ask, &target, &mut left_out)?;
    Ok((serde_json::from_slice(&body).expect("JSON"), left_out))
}

/// Read and written again: Google's own shapes, one way to say each thing.
#[test]
fn requests_of_googles_clients_keep_their_meaning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/gemini/ask");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        let Some(stem) = name.strip_suffix(".in.json") else { continue };
        seen += 1;
        let body = fs::read(&path).expect("a request");
        let golden = fs::read(folder.join(format!("{stem}.out.json"))).expect("what it becomes");
        let golden: Value = serde_json::from_slice(&golden).expect("JSON");

        let outcome = match read(&body) {
            Ok(ask) => {
                let (body, left_out) = written(&ask, "gemini-3.8-flash").expect("a request");
                json!({"body": body, "read_left_out": ask.left_out, "write_left_out": left_out})
            }
            Err(invalid) => json!({"error": invalid.message, "param": invalid.param}),
        };

        assert_eq!(outcome, golden, "{stem}: {outcome:#}");
    }
    assert_eq!(seen, 13);
}
