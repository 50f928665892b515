//! A stream's events, read and written in this dialect.

mod calls;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

#[cfg(test)]
mod tests;
