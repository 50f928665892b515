//! Settings that contradict themselves or that nobody can mean.

use model::settings::{PlatformFallback, PriceOverride, Webhook};
use model::{BaseUrl, Refusal, Settings};

use crate::models::Models;
use crate::{Control, fields};

const ALIASES_MAX: usize = 1000;
const PRICES_MAX: usize = 1000;
/// A dollar a token.
const PICO_USD_MAX: u64 = 1_000_000_000_000;
const URL_BYTES_MAX: usize = 2048;

impl Control {
    pub(super) fn check_settings(&self, settings: &Settings) -> Result<(), Refusal> {
        fields::limits(settings.spend_cap_micro_usd, settings.rpm_limit, settings.tpm_limit)?;
        refuse_repeated_causes(&settings.platform_fallback)?;
        self.check_named_models(settings)?;
        self.check_aliases(settings)?;
        self.check_prices(settings)?;
        settings.webhook.as_ref().map_or(Ok(()), check_webhook)
    }

    /// Each for itself: what is allowed here may be narrowed for all projects before each has another default.
    fn check_named_models(&self, settings: &Settings) -> Result<(), Refusal> {
        let allowed = settings.allowed_models.as_deref();
        self.check_models(&Models { allowed, default: None, fallback: &[] })?;
        let default = settings.default_model.as_deref();
        self.check_models(&Models { allowed: None, default, fallback: &settings.fallback_models })
    }

    fn check_aliases(&self, settings: &Settings) -> Result<(), Refusal> {
        let aliases = &settings.model_aliases;
        if aliases.len() > ALIASES_MAX {
            let public = format!("model_aliases may hold at most {ALIASES_MAX} names");
            return Err(Refusal::invalid("model_aliases", public));
        }
        let is_model = |text: &String| self.model(text).is_some();
        if aliases.iter().all(|(alias, target)| is_model(alias) && is_model(target)) {
            return Ok(());
        }
        let public = "model_aliases holds an entry that is no model name";
        Err(Refusal::invalid("model_aliases", public))
    }

    fn check_prices(&self, settings: &Settings) -> Result<(), Refusal> {
        let prices = &settings.price_overrides;
        if prices.len() > PRICES_MAX {
            let public = format!("price_overrides may hold at most {PRICES_MAX} models");
            return Err(Refusal::invalid("price_overrides", public));
        }
        if prices.keys().any(|model| self.model(model).is_none()) {
            let public = "price_overrides holds an entry that is no model name";
            return Err(Refusal::invalid("price_overrides", public));
        }
        if prices.values().all(is_sane) {
            return Ok(());
        }
        let public = format!("price_overrides holds a price of more than {PICO_USD_MAX} pico-USD");
        Err(Refusal::invalid("price_overrides", public))
    }
}

fn is_sane(price: &PriceOverride) -> bool {
    let cached = [price.cache_read_pico_usd, price.cache_write_pico_usd];
    let all = [price.input_pico_usd, price.output_pico_usd].into_iter();
    all.chain(cached.into_iter().flatten()).all(|price| price <= PICO_USD_MAX)
}

fn refuse_repeated_causes(PlatformFallback(causes): &PlatformFallback) -> Result<(), Refusal> {
    if repeats(causes) {
        let public = "platform_fallback names a cause twice";
        return Err(Refusal::invalid("platform_fallback", public));
    }
    Ok(())
}

/// Whether it may be called is decided when it is.
fn check_webhook(webhook: &Webhook) -> Result<(), Refusal> {
    if !is_url(&webhook.url) {
        let public = "webhook.url is no http or https URL without user and fragment";
        return Err(Refusal::invalid("webhook", public));
    }
    if repeats(&webhook.events) {
        return Err(Refusal::invalid("webhook", "webhook.events names an event twice"));
    }
    let shares = &webhook.cap_shares;
    if repeats(shares) || !shares.iter().all(|share| (1..=100).contains(share)) {
        let public = "webhook.cap_shares takes whole numbers from 1 to 100, each once";
        return Err(Refusal::invalid("webhook", public));
    }
    Ok(())
}

/// A base URL, and perhaps a query, which some receivers tell their senders apart by.
fn is_url(text: &str) -> bool {
    let base = text.split_once('?').map_or(text, |(base, _)| base);
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    visible && text.len() <= URL_BYTES_MAX && BaseUrl::parse(base).is_ok()
}

fn repeats<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(n, item)| list.iter().take(n).any(|other| other == item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_posted_to_a_url_and_nothing_else() {
        for text in [
            "https://example.com",
            "http://127.0.0.1:9000/hook",
            "https://example.com/hook?token=abc&x=1",
            "https://[2001:db8::1]/",
        ] {
            assert!(is_url(text), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "https://user:password@example.com/",
            "https://example.com/#part",
            "https://example.com/a b",
            "https://example.com/\r\nx: y",
            "https://ex\u{e4}mple.com/",
            "file:///etc/passwd",
            &long,
        ] {
            assert!(!is_url(text), "{text}");
        }
    }

    #[test]
    fn what_is_there_twice_is_found() {
        assert!(repeats(&[1, 2, 1]));
        assert!(!repeats(&[1, 2, 3]));
        assert!(!repeats::<u8>(&[]));
    }
}
