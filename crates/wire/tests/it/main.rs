//! What providers' answers cost: their dialects read, and the catalogue's prices laid on it.
#![cfg(test)]
// Lints that are off in tests look for this mark.
#![cfg(test)]

mod oracle;
mod price_vectors;
