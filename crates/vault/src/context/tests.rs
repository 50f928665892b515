//! The context is injective: two places that differ anywhere have different bytes.

use model::Origin;
use proptest::prelude::*;

use super::context;
use crate::tests::{Home, origin};
use crate::{Place, WorkspaceSalt};

#[test]
fn the_context_is_laid_out_as_the_design_says() {
    let place = Place {
        workspace: "ws_0190000000007000800000000000000a".parse().expect("an id"),
        salt: &WorkspaceSalt::from_bytes(&[0; 32]).expect("32 bytes"),
        secret_id: "pk_1",
        field: "f",
        sealed_version: 258,
        origin: &origin("http://a/"),
    };

    let bytes = context("ins", &place, b"head");

    let expected = [
        b"\0\0\0\x03ins".as_slice(),
        b"\0\0\0\x23ws_0190000000007000800000000000000a",
        b"\0\0\0\x04pk_1",
        b"\0\0\0\x01f",
        b"\0\0\0\0\0\0\x01\x02",
        b"\0\0\0\x0bhttp://a:80",
        b"head",
    ];
    assert_eq!(bytes, expected.concat());
}

proptest! {
    #[test]
    fn nothing_moves_from_one_part_into_the_next(
        one in ("[a\0]{0,5}", "[a\0]{0,5}", "[a\0]{0,5}", 0u64..3),
        other in ("[a\0]{0,5}", "[a\0]{0,5}", "[a\0]{0,5}", 0u64..3),
    ) {
        let home = Home::new(1);
        let nowhere = Origin::nowhere();
        let bytes = |(instance, id, field, version): &(String, String, String, u64)| {
            let place = Place { secret_id: id, field, sealed_version: *version, origin: &nowhere, ..home.place() };
            context(instance, &place, &[7; 44])
        };

        prop_assert_eq!(bytes(&one) == bytes(&other), one == other);
    }
}
