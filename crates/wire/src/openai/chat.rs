//! OpenAI's chat completions, as one of the dialects that are translated. Knows no provider by name.

pub mod ask;
pub mod events;
pub mod reply;

mod assistant;
mod finish;
mod images;
mod thoughts;
mod unsayable;

/// FNV-1a: the same for the same bytes on every machine, and good for nothing else.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
