//! Every operation, in the dialect its caller speaks: the four formats of a conversation in each other, and the rest byte by
//! byte as the provider has it.

mod counting;
mod dialects;
mod leftovers;
mod lists;
mod mounts;
mod operations;
mod pairs;
