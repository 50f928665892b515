//! OpenAI's responses. Knows no provider by name.

pub mod answer;
pub mod ask;
pub mod events;
pub mod meter;
mod outline;
mod proof;
pub mod render;
pub mod reply;
mod usage;

#[cfg(test)]
mod tests;
