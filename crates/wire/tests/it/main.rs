//! What providers' answers cost: their dialects read, and the catalogue's prices laid on it.
#![cfg(test)]

mod oracle;
mod price_vectors;
