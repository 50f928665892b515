//! Anthropic's messages. Knows no provider by name.

pub mod answer;
pub mod ask;
mod block;
pub mod events;
pub mod meter;
mod proof;
pub mod render;
pub mod reply;
mod usage;

#[cfg(test)]
mod tests;
