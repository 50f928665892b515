//! A stream's events, read and written in this dialect.

mod items;
mod log;
mod read;
mod write;

pub use read::Reader;
pub use write::Writer;

#[cfg(test)]
mod tests;
