//! The gateway through its front door: the real router on a real socket, a real database, a provider that misbehaves.

mod chat;
mod faults;
mod management;
