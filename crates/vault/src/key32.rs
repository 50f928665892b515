//! Thirty-two secret bytes, wiped when dropped. Knows nothing of what they are the key to.

use model::Random;
use zeroize::Zeroize;

pub(crate) const KEY_BYTES: usize = 32;

/// Boxed, so that moving the key moves a pointer and leaves no copies behind on the stack.
pub(crate) struct Key32(Box<[u8; KEY_BYTES]>);

impl Key32 {
    pub(crate) fn zeroed() -> Self {
        Self(Box::new([0; KEY_BYTES]))
    }

    pub(crate) fn generate(random: &dyn Random) -> Self {
        let mut key = Self::zeroed();
        random.fill(key.bytes_mut());
        key
    }

    /// `None` unless there are exactly 32 bytes.
    pub(crate) fn copy_of(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != KEY_BYTES {
            return None;
        }
        let mut key = Self::zeroed();
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; KEY_BYTES] {
        &mut self.0
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl Drop for Key32 {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}
