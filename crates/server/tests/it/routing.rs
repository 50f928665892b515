//! Who answers: which model a name means, which key pays, what is tried next, and that what is told of it beforehand and
//! listed is what happens.

mod breakers;
mod explain;
mod fallbacks;
mod headroom;
mod keys;
mod models;
mod names;
mod openrouter;
mod pool;
mod promises;
pub mod site;
mod streams;
mod wishes;
