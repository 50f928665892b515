//! Providers behind TLS: good ones are spoken to in the protocol they prefer, and one that nobody vouches for is told
//! nothing at all.

use std::collections::HashMap;

use futures_util::future::join_all;
use http::Version;
use model::Dialect;
use server::config::Layer;
use testkit::Options;
use testkit::fake::{Authority, FakeProvider, Identity, Tls, chat_content};

use super::caller::{heard, refusal, words};
use super::http2::Secure;
use super::pair::Pair;
use super::site::Site;
use super::upstream::{Upstream, WORDS};

const CHAT: Pair = Pair { caller: Dialect::Chat, upstream: Upstream(Dialect::Chat) };

#[tokio::test]
async fn a_provider_is_spoken_to_in_the_protocol_that_it_prefers() {
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let site = Secure::open(CHAT, protocols).await;

        let [plain, streamed] = site.ask_both(|_| "m".to_owned()).await;

        let (plain, streamed) = (plain.expect("an answer"), streamed.expect("an answer"));
        assert_eq!(words(Dialect::Chat, &plain.body), Some(chat_content(WORDS)), "{protocols:?}");
        let heard = heard(Dialect::Chat, &streamed.body);
        assert!(heard.is_ended && heard.words == chat_content(WORDS), "{}", streamed.text());
        let seen = site.fake.requests();
        assert!(seen.iter().all(|request| request.version == version), "{seen:?}");
    }
}

/// Who it is, and in which words it is refused.
const STRANGERS: [(&str, Identity, &str); 4] = [
    ("fireworks", Identity::Expired, "it has expired"),
    ("groq", Identity::NotYetValid, "it is not valid yet"),
    ("mistral", Identity::OtherHost, "it is for another host"),
    ("xai", Identity::SelfSigned, "no authority known here has signed it"),
];

#[tokio::test]
async fn a_provider_that_nobody_vouches_for_is_told_nothing() {
    let authority = Authority::new();
    let mut strangers = HashMap::new();
    let mut providers = Vec::new();
    for (number, (provider, identity, _)) in STRANGERS.into_iter().enumerate() {
        let protocols = if number % 2 == 0 { "h2" } else { "http/1.1" };
        let fake = FakeProvider::start_tls(Tls::new(&authority, identity, &[protocols])).await;
        providers.push((provider.to_owned(), fake.base_url()));
        strangers.insert(provider, fake);
    }
    let good = FakeProvider::start_tls(Tls::new(&authority, Identity::Good, &["h2"])).await;
    providers.push(("openai".to_owned(), good.base_url()));
    let layer = Layer { upstream_ca_file: Some(authority.file().to_owned()), ..Layer::default() };
    let site = Site::with(CHAT, good, Options { providers, layer, ..Options::default() }).await;

    let rows = STRANGERS.into_iter().flat_map(|row| [false, true].map(|streamed| (row, streamed)));
    join_all(rows.map(|((provider, _, why), streamed)| site.distrusts(provider, why, streamed)))
        .await;

    for (provider, fake) in &strangers {
        assert!(fake.failed_handshakes() >= 2, "{provider} was called");
        assert!(fake.requests().is_empty(), "{provider} was told something");
        let told = fake.wiretap();
        assert!(!told.is_empty());
        assert_eq!(site.canaries.scan(provider, &told), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_authority_that_the_operator_did_not_name_vouches_for_nobody() {
    let tls = Tls::new(&Authority::new(), Identity::Good, &["h2"]);
    let site = Site::before(CHAT, FakeProvider::start_tls(tls).await, Layer::default()).await;

    let answer = site.ask("m", false).await.expect("an answer");

    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("KEYSTILE_UPSTREAM_CA_FILE"), "{}", answer.text());
    assert!(site.fake.requests().is_empty());
}

impl Site {
    async fn distrusts(&self, provider: &str, why: &str, streamed: bool) {
        let answer = self.ask_as(Dialect::Chat, &format!("{provider}.m"), streamed).await;
        let answer = answer.expect(provider);
        let code = refusal(Dialect::Chat, &answer);
        assert_eq!((answer.status.as_u16(), code.as_deref()), (503, Some("upstream_unavailable")));
        let text = answer.text();
        assert!(text.contains("certificate is not trusted") && text.contains(why), "{text}");
        assert_eq!(self.shown(&answer), Vec::<String>::new(), "{provider}");

        let good = self.ask_as(Dialect::Chat, "openai.m", false).await.expect(provider);
        assert_eq!(words(Dialect::Chat, &good.body), Some(chat_content(WORDS)), "{provider}");
        // The ledger follows the journal's order: with this one, all before it are written down.
        self.app.attempts_of(&good).await;
        let rows = self.app.attempts_of(&answer).await;
        // The next moment changes nothing about a certificate.
        assert!(rows.len() == 1 && !rows[0].billing_unknown, "{provider}: {rows:?}");
    }
}
