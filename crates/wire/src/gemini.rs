//! Gemini's generateContent. Knows no provider by name.

pub mod answer;
pub mod ask;
pub mod events;
mod fields;
pub mod inner_name;
mod media;
pub mod meter;
pub mod render;
pub mod reply;
mod response;
mod schema;
mod signature;
mod usage;
