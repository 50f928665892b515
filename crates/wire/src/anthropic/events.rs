//! A stream's events, read and written in this dialect.

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;
