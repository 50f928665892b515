//! The architecture, as checks over text. Knows no more Rust than rustfmt leaves visible, and only std.
//! Each check is a pure function that says where, what, and why; `tests/it` gives it the tree.

pub mod imports;
pub mod layout;
pub mod lock;
pub mod manifest;
pub mod mirror;
pub mod needles;
pub mod rules;
pub mod source;
pub mod sql;
pub mod tree;
