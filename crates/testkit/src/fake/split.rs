//! Cuts bytes into the pieces a network might make of them.

use bytes::Bytes;

/// Cuts before each of the given positions, which must ascend: `n` positions give `n + 1` pieces.
pub fn split_at(bytes: Bytes, positions: &[usize]) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(positions.len() + 1);
    let mut start = 0;
    for &position in positions {
        pieces.push(bytes.slice(start..position));
        start = position;
    }
    pieces.push(bytes.slice(start..));
    pieces
}

/// Pieces of `size` bytes; the last may be shorter.
pub fn split_every(bytes: Bytes, size: usize) -> Vec<Bytes> {
    let starts = (0..bytes.len()).step_by(size);
    starts.map(|start| bytes.slice(start..bytes.len().min(start + size))).collect()
}
