//! Each rule of planning by itself, then all of them at once on whatever comes.

mod keys;
mod names;
mod openrouter;
mod pool;
mod property;
pub mod scene;
mod ways;
