//! What the five product documents promise about management, a test a sentence, through the real binary on both
//! databases. Above each test stand the number of its document and the words it tries.

/// Each sentence on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($sentence:ident)*) => {$(
        mod $sentence {
            use testkit::Backend;

            #[tokio::test]
            async fn sqlite() {
                crate::seeds::site::visit(Backend::Sqlite, super::$sentence).await;
            }

            #[tokio::test]
            async fn postgres() {
                crate::seeds::site::visit(Backend::Postgres, super::$sentence).await;
            }
        }
    )*};
}

mod access;
mod byok;
mod freedom;
mod governance;
mod health;
mod identity;
mod mcp;
mod own;
mod people;
mod plans;
mod provider_keys;
mod providers;
mod roles;
mod rotation;
mod scopes;
mod secrecy;
mod secrets;
mod site;
mod tiers;
