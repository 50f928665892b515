//! What is asked, read and written in this dialect.

mod read;
mod write;

pub use read::read;
pub use write::write;
