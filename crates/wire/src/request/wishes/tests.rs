//! Wishes in headers, and wishes said in two places.

use model::DataPolicy;

use super::{Names, Wishes};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn every_wish_has_a_header() {
    let mut wishes = Wishes::default();

    for (name, value) in [
        ("only-byok", "true"),
        ("only-platform", "0"),
        ("receipt", "1"),
        ("provider-key", "pk_1"),
        ("project", "acme"),
        ("fallback-models", "b, openai/c ,,"),
        ("data-policy", "no_training"),
    ] {
        wishes.add_header(name, value).expect(name);
    }

    assert_eq!(
        wishes,
        Wishes {
            only_byok: true,
            only_platform: false,
            provider_key: Some("pk_1".to_owned()),
            fallback_models: Some(names(&["b", "openai/c"])),
            data_policy: Some(DataPolicy::NoTraining),
            receipt: true,
            project: Some("acme".to_owned()),
            providers: Names::default(),
            names_preset: false,
        }
    );
}

#[test]
fn a_header_that_is_not_understood_is_refused() {
    for (name, value, message) in [
        ("only-byok", "yes", "the header x-keystile-only-byok must be true or false"),
        ("receipt", "", "the header x-keystile-receipt must be true or false"),
        (
            "data-policy",
            "strict",
            "the header x-keystile-data-policy must be \"none\", \"no_training\" or \"zdr\"",
        ),
        ("only-bring", "true", "there is no header x-keystile-only-bring"),
    ] {
        let invalid = Wishes::default().add_header(name, value).expect_err(name);

        assert_eq!(invalid.message, message);
    }
}

#[test]
fn headers_may_not_contradict_each_other() {
    let mut wishes = Wishes::default();
    wishes.add_header("only-byok", "true").expect("alone");

    let invalid = wishes.add_header("only-platform", "true").expect_err("both");

    assert_eq!(
        invalid.message,
        "`routing.only_byok` and `routing.only_platform` exclude each other"
    );
}

#[test]
fn wishes_of_two_places_hold_together() {
    let body = Wishes {
        only_byok: true,
        provider_key: Some("pk_body".to_owned()),
        data_policy: Some(DataPolicy::Zdr),
        providers: Names {
            ignore: names(&["groq"]),
            only: Some(names(&["xai"])),
            ..Names::default()
        },
        ..Wishes::default()
    };
    let header = Wishes {
        provider_key: Some("pk_header".to_owned()),
        project: Some("acme".to_owned()),
        fallback_models: Some(names(&["b"])),
        data_policy: Some(DataPolicy::NoTraining),
        receipt: true,
        providers: Names {
            order: names(&["zai"]),
            only: Some(names(&["mistral"])),
            ignore: names(&["together"]),
            no_fallbacks: true,
        },
        ..Wishes::default()
    };

    let both = body.and(header).expect("no contradiction");

    assert_eq!(
        both,
        Wishes {
            only_byok: true,
            only_platform: false,
            provider_key: Some("pk_body".to_owned()),
            fallback_models: Some(names(&["b"])),
            data_policy: Some(DataPolicy::Zdr),
            receipt: true,
            project: Some("acme".to_owned()),
            providers: Names {
                order: names(&["zai"]),
                only: Some(names(&["xai"])),
                ignore: names(&["groq", "together"]),
                no_fallbacks: true,
            },
            names_preset: false,
        }
    );
}

#[test]
fn the_stricter_policy_counts_wherever_it_was_said() {
    let with = |data_policy| Wishes { data_policy, ..Wishes::default() };

    for (one, other) in [
        (Some(DataPolicy::Zdr), Some(DataPolicy::None)),
        (Some(DataPolicy::None), Some(DataPolicy::Zdr)),
        (None, Some(DataPolicy::Zdr)),
        (Some(DataPolicy::Zdr), None),
    ] {
        let both = with(one).and(with(other)).expect("no contradiction");

        assert_eq!(both.data_policy, Some(DataPolicy::Zdr));
    }
}

#[test]
fn wishes_of_two_places_may_not_contradict_each_other() {
    let byok = Wishes { only_byok: true, ..Wishes::default() };
    let platform = Wishes { only_platform: true, ..Wishes::default() };

    let invalid = byok.and(platform).expect_err("both");

    assert_eq!(invalid.param, Some("routing"));
}
