//! A stream's events, read and written in this dialect. Each is a GenerateContentResponse of its own; nothing marks the end.

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

#[cfg(test)]
mod tests;
