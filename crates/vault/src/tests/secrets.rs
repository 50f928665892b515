//! T5: what holds a secret cannot be printed, serialized, copied or compared, because it has no such traits.

use crate::{
    ChainKey, ForeignKeys, GatewayToken, MasterKey, MasterKeys, OneTimeToken, Pepper, ProviderKey,
    Scrubber, SecretValue, SessionSigner, Vault, WorkspaceKey,
};

trait Otherwise {
    const ANSWER: bool = false;
}

impl<T> Otherwise for T {}

/// An inherent constant hides the trait's of the same name, and exists only where the bound holds.
macro_rules! implements {
    ($type:ty: $trait:path) => {{
        struct Probe<T>(std::marker::PhantomData<T>);
        impl<T: $trait> Probe<T> {
            const ANSWER: bool = true;
        }
        // Without a use, the constant would be called dead wherever the bound fails.
        impl<T: $trait> From<Probe<T>> for bool {
            fn from(_: Probe<T>) -> Self {
                Probe::<T>::ANSWER
            }
        }
        <Probe<$type>>::ANSWER
    }};
}

macro_rules! keeps_to_itself {
    ($($type:ty),+) => {$(const {
        assert!(!implements!($type: std::fmt::Debug));
        assert!(!implements!($type: std::fmt::Display));
        assert!(!implements!($type: serde::Serialize));
        assert!(!implements!($type: Clone));
        assert!(!implements!($type: PartialEq));
        assert!(!implements!($type: Default));
        assert!(!implements!($type: std::ops::Deref));
        assert!(!implements!($type: AsRef<[u8]>));
        assert!(!implements!($type: AsRef<str>));
    })+};
}

/// Checked by the compiler: a derive too many fails the build of the tests.
#[test]
fn secrets_have_no_way_out_by_trait() {
    keeps_to_itself!(
        ProviderKey,
        SecretValue,
        MasterKey,
        MasterKeys,
        WorkspaceKey,
        Pepper,
        ChainKey,
        ForeignKeys,
        GatewayToken,
        OneTimeToken,
        SessionSigner,
        Scrubber,
        Vault
    );
}

#[test]
fn the_check_for_traits_bites() {
    assert!(implements!(String: std::fmt::Debug));
    assert!(implements!(String: std::fmt::Display));
    assert!(implements!(String: serde::Serialize));
    assert!(implements!(String: Clone));
    assert!(implements!(String: PartialEq));
    assert!(implements!(String: Default));
    assert!(implements!(String: std::ops::Deref));
    assert!(implements!(String: AsRef<[u8]>));
    assert!(implements!(String: AsRef<str>));
    assert!(implements!(crate::CheckValue: Clone));
    assert!(!implements!(std::sync::Mutex<String>: Clone));
}

#[test]
fn the_vault_and_its_keys_may_be_shared_among_threads() {
    assert!(implements!(Vault: Sync));
    assert!(implements!(Vault: Send));
    assert!(implements!(WorkspaceKey: Sync));
    assert!(implements!(ChainKey: Sync));
    assert!(implements!(Pepper: Sync));
    assert!(implements!(SessionSigner: Sync));
    assert!(implements!(Scrubber: Send));
}

/// These hold only while the `zeroize` features in the workspace's Cargo.toml stay on.
#[test]
fn the_ciphers_wipe_their_keys_too() {
    use zeroize::ZeroizeOnDrop;
    assert!(implements!(aes_gcm::Aes256Gcm: ZeroizeOnDrop));
    assert!(implements!(aes::Aes128: ZeroizeOnDrop));
    assert!(implements!(cbc::Encryptor<aes::Aes128>: ZeroizeOnDrop));
    assert!(implements!(cbc::Decryptor<aes::Aes128>: ZeroizeOnDrop));
    // An HMAC is two of these and has no state of its own.
    assert!(implements!(sha2::Sha256: ZeroizeOnDrop));
    assert!(implements!(salsa20::XSalsa20: ZeroizeOnDrop));
    assert!(implements!(jsonwebtoken::EncodingKey: ZeroizeOnDrop));
    assert!(implements!(jsonwebtoken::DecodingKey: ZeroizeOnDrop));
}
