//! Forms as clients send them, forms that two readers would read differently, and the bytes that leave.

use bytes::Bytes;
use proptest::prelude::*;

use super::MultipartRequest;
use crate::{InvalidBody, Wishes};

const TYPE: &str = "multipart/form-data; boundary=X";

fn parse(body: &str) -> Result<MultipartRequest, InvalidBody> {
    MultipartRequest::parse(Bytes::copy_from_slice(body.as_bytes()), TYPE)
}

fn field(name: &str, value: &str) -> String {
    format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file() -> String {
    "--X\r\ncontent-disposition:form-data; name=\"file\"; filename=\"a;\\\"b.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n\r\n\n--Y\r\n".to_owned()
}

fn form(parts: &[String]) -> String {
    format!("{}--X--\r\n", parts.concat())
}

fn spliced(body: &str, model: &str) -> String {
    let slices = parse(body).expect(body).splice(model);
    String::from_utf8(slices.concat()).expect("UTF-8")
}

#[test]
fn fields_of_ours_are_read_and_all_others_left_alone() {
    let routing = "{\"only_byok\":true}";
    let body = form(&[
        file(),
        field("model", "openai/whisper-1"),
        field("stream", "true"),
        field("models", "x"),
        field("routing", routing),
        field("prompt", "é"),
    ]);

    let form_read = parse(&body).expect("well-formed");

    assert_eq!(form_read.model.as_deref(), Some("openai/whisper-1"));
    assert!(form_read.stream);
    assert_eq!(form_read.wishes, Wishes { only_byok: true, ..Wishes::default() });
    assert_eq!(form_read.body(), &Bytes::from(body.clone()));
    let expected =
        body.replace("openai/whisper-1", "whisper-1").replace(&field("routing", routing), "");
    assert_eq!(spliced(&body, "whisper-1"), expected);
}

#[test]
fn a_model_that_was_left_to_the_settings_becomes_the_first_part() {
    let model = || field("model", "M");
    for parts in [vec![], vec![file()], vec![file(), field("stream", "False")]] {
        let body = form(&parts);
        assert_eq!(parse(&body).expect("well-formed").model, None);
        assert_eq!(spliced(&body, "M"), form(&[vec![model()], parts].concat()));
    }
    for parts in [
        vec![field("routing", "null")],
        vec![field("routing", "{}"), field("a", "1")],
        vec![field("a", "1"), field("routing", "{}")],
    ] {
        let kept = parts.iter().filter(|part| !part.contains("routing")).cloned().collect();
        assert_eq!(spliced(&form(&parts), "M"), form(&[vec![model()], kept].concat()));
    }
    let blank_first = format!("\r\n{}", form(&[file()]));
    assert_eq!(spliced(&blank_first, "M"), format!("\r\n{}", form(&[model(), file()])));
}

#[test]
fn slices_share_the_body() {
    let body = Bytes::from(form(&[file(), field("model", "m"), file()]));
    let form = MultipartRequest::parse(body.clone(), TYPE).expect("well-formed");

    let slices = form.splice("other");

    assert_eq!(slices.len(), 3);
    assert_eq!(slices[0].as_ptr(), body.as_ptr());
    assert_eq!(slices[2].last_chunk::<7>(), Some(b"--X--\r\n"));
    assert_eq!(slices[2].as_ptr(), body[body.len() - slices[2].len()..].as_ptr());
}

#[test]
fn a_boundary_may_be_written_in_many_ways() {
    for (content_type, boundary) in [
        ("multipart/form-data; boundary=X", "X"),
        ("Multipart/Form-Data;charset=utf-8;  BOUNDARY=\"a'b(c)+_,-./:=?\"", "a'b(c)+_,-./:=?"),
        (
            "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk ; x=y",
            "----WebKitFormBoundary7MA4YWxk",
        ),
    ] {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--{boundary}--"
        );

        let form = MultipartRequest::parse(Bytes::from(body), content_type).expect(content_type);

        assert_eq!(form.model.as_deref(), Some("m"));
    }
}

#[test]
fn a_bad_boundary_is_refused() {
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for content_type in [
        "",
        "application/json",
        "multipart/mixed; boundary=X",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"X",
        "multipart/form-data; boundary=\"X\"Y",
        "multipart/form-data; boundary=X; boundary=Y",
        "multipart/form-data; boundary=\"X \"",
        "multipart/form-data; boundary=\"X\r\n\"",
        "multipart/form-data; boundary=é",
        "multipart/form-data boundary=X",
        "multipart/form-data; boundary*=X",
        &long,
    ] {
        let body = Bytes::from(form(&[field("model", "m")]));

        let invalid = MultipartRequest::parse(body, content_type).expect_err(content_type);

        let words = "the content-type must be multipart/form-data with one good boundary";
        assert_eq!(invalid.message, words, "{content_type}");
    }
}

#[test]
fn forms_that_could_be_read_in_two_ways_are_refused() {
    let part = |head: &str| format!("--X\r\n{head}\r\n\r\nvalue\r\n");
    let disposition = |rest: &str| part(&format!("Content-Disposition: form-data{rest}"));
    let elsewhere = "the form holds its boundary, or something else, where no part begins";
    for (body, words) in [
        (String::new(), "the form does not hold its boundary"),
        ("hello".to_owned(), "the form does not hold its boundary"),
        ("--X".to_owned(), "the form has a boundary that does not end its line"),
        (field("a", "1"), "the form ends too early"),
        (format!("{}--X\r\n", field("a", "1")), "the form ends too early"),
        (format!("before\r\n{}", form(&[])), elsewhere),
        (format!("\r\n\r\n{}", form(&[])), elsewhere),
        (form(&[field("a", "x--Xy")]), elsewhere),
        (form(&[field("a", "x\n--X\n")]), elsewhere),
        (form(&[field("a", "--X")]), "the form has a part whose headers do not end"),
        (
            form(&["--X \r\n\r\n\r\n".to_owned()]),
            "the form has a boundary that does not end its line",
        ),
        (form(&["--X\n\n\n\r\n".to_owned()]), "the form has a boundary that does not end its line"),
        (format!("{}after", form(&[])), "the form goes on after its last boundary"),
        (form(&[form(&[])]), "the form goes on after its last boundary"),
        (form(&["--X\r\n".to_owned()]), "the form has a part whose headers do not end"),
        (
            form(&["--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_owned()]),
            "the form has a part whose headers do not end",
        ),
        (
            form(&[part(&format!("a: {}", "x".repeat(9000)))]),
            "the form has a part whose headers do not end",
        ),
        (
            form(&["--X\r\n\r\nvalue\r\n".to_owned()]),
            "the form has a part whose headers do not end",
        ),
        (
            form(&["--X\r\n\r\n\r\n\r\n".to_owned()]),
            "the form has a part with a header that is none",
        ),
        (form(&[part("nonsense")]), "the form has a part with a header that is none"),
        (
            form(&[part("Content-Disposition : form-data; name=a")]),
            "the form has a part with a header that is none",
        ),
        (
            form(&[part("Content-Disposition: form-data;\r\n name=a")]),
            "the form has a part with a header that is none",
        ),
        (
            form(&[part("Content-Disposition: form-data; name=a\nb: c")]),
            "the form has a part with a header that is none",
        ),
        (form(&[part("Content-Type: text/plain")]), "the form has a part without a name"),
        (
            form(&[part("Content-Disposition: attachment; name=a")]),
            "the form has a part without a name",
        ),
        (form(&[disposition("")]), "the form has a part without a name"),
        (form(&[disposition("; name")]), "the form has a part without a name"),
        (form(&[disposition("; name=\"a")]), "the form has a part without a name"),
        (form(&[disposition("; name=\"a\\\"")]), "the form has a part without a name"),
        (form(&[disposition("; name=\"a\" model")]), "the form has a part without a name"),
        (
            form(&[disposition("; filename=\"a\\\"; name=\"model\"")]),
            "the form has a part without a name",
        ),
        (form(&[disposition("; name=\"\\model\"")]), "the form has a part whose name is not plain"),
        (
            form(&[disposition("; name=a; name=model")]),
            "the form has a part whose name is not plain",
        ),
        (
            form(&[disposition("; name=a; name*=utf-8''model")]),
            "the form has a part whose name is not plain",
        ),
        (
            form(&[disposition("; name*0=mod; name*1=el")]),
            "the form has a part whose name is not plain",
        ),
        (
            form(&[disposition("; name=a\r\ncontent-disposition: form-data; name=model")]),
            "the form has a part with two names",
        ),
        (form(&vec![field("a", "1"); 1_001]), "the form has too many parts"),
    ] {
        let invalid = parse(&body).expect_err(&body);

        assert_eq!((invalid.param, invalid.message.as_str()), (None, words), "{body:.300}");
    }
}

#[test]
fn bad_fields_of_ours_are_explained() {
    let with = |head: &str, value: &str| {
        form(&[format!("--X\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")])
    };
    for (body, param, words) in [
        (form(&[field("model", "")]), "model", "`model` is empty"),
        (form(&[field("model", "a\r\nb")]), "model", "`model` must be a name in one line"),
        (form(&[field("model", "a"), field("model", "a")]), "model", "`model` is given twice"),
        (
            form(&[field("stream", "true"), field("stream", "true")]),
            "stream",
            "`stream` is given twice",
        ),
        (
            form(&[field("routing", "{}"), file(), field("routing", "{}")]),
            "routing",
            "`routing` is given twice",
        ),
        (form(&[field("stream", "yes")]), "stream", "`stream` must be true or false"),
        (form(&[field("stream", "")]), "stream", "`stream` must be true or false"),
        (form(&[field("routing", "")]), "routing", "`routing` ends before its JSON does"),
        (
            form(&[field("routing", "{}x")]),
            "routing",
            "`routing` is not valid JSON at line 1, column 3",
        ),
        (form(&[field("routing", "7")]), "routing", "`routing` must be a JSON object"),
        (form(&[field("routing", "{\"only\":1}")]), "routing", "`routing` has no field \"only\""),
        (
            with("name=model; filename=m", "a"),
            "model",
            "`model` must be a part of plain text, not a file",
        ),
        (
            with("name=model; filename*=utf-8''m", "a"),
            "model",
            "`model` must be a part of plain text, not a file",
        ),
        (
            with("name=stream\r\nContent-Transfer-Encoding: base64", "dHJ1ZQ=="),
            "stream",
            "`stream` must be a part of plain text, not a file",
        ),
    ] {
        let invalid = parse(&body).expect_err(&body);

        assert_eq!((invalid.param, invalid.message.as_str()), (Some(param), words), "{body}");
    }
    let not_text = [field("model", "").trim_end().as_bytes(), b"\r\n\r\n\xff\r\n--X--"].concat();
    let invalid = MultipartRequest::parse(Bytes::from(not_text), TYPE).expect_err("not UTF-8");
    assert_eq!(invalid.param, Some("model"));
    let plain =
        with("name=model\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: text/plain", "m");
    assert_eq!(parse(&plain).expect("plain").model.as_deref(), Some("m"));
}

#[test]
fn no_name_of_a_model_ends_its_own_part() {
    for model in ["--X--", "a\r\n--X\r\nb", "a\0", "é--X"] {
        for body in [form(&[field("model", "m"), file()]), form(&[file()])] {
            let with_empty = spliced(&body, "");

            assert_eq!(spliced(&body, model), with_empty, "{model:?}");
            assert!(with_empty.contains("name=\"model\"\r\n\r\n\r\n--X"));
        }
    }
}

#[test]
fn debug_output_holds_no_file() {
    let form = parse(&form(&[field("prompt", "canary")])).expect("well-formed");

    assert!(!format!("{form:?}").contains("canary"));
}

fn any_part() -> impl Strategy<Value = String> {
    let name = "[a-z_]{1,6}".prop_map(|name| format!("{name}_"));
    let content = "[-X\r\naé\"{}]{0,12}".prop_filter("no boundary", |text| !text.contains("--X"));
    (name, content, any::<bool>()).prop_map(|(name, content, is_file)| {
        let file = if is_file { "; filename=\"é\\\"\"\r\nContent-Type: a/b" } else { "" };
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_leaves_is_what_came_but_for_model_and_routing(
        (others, at) in (prop::collection::vec(any_part(), 0..5), any::<[prop::sample::Index; 2]>()),
        (has_model, has_routing) in any::<(bool, bool)>(),
        name in "[a-zé/-]{1,8}",
    ) {
        prop_assume!(!name.contains("--X"));
        let mut parts = others;
        let mut expected = parts.clone();
        if has_model {
            let at = at[0].index(parts.len() + 1);
            parts.insert(at, field("model", "asked"));
            expected.insert(at, field("model", &name));
        } else {
            expected.insert(0, field("model", &name));
        }
        if has_routing {
            parts.insert(at[1].index(parts.len() + 1), field("routing", "{}"));
        }

        let leaving = spliced(&form(&parts), &name);

        prop_assert_eq!(&leaving, &form(&expected));
        prop_assert_eq!(parse(&leaving).expect("well-formed").model, Some(name));
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200), content_type in ".{0,40}") {
        let _either = MultipartRequest::parse(Bytes::from(body.clone()), TYPE);
        let _either = MultipartRequest::parse(Bytes::from(body), &content_type);
    }

    #[test]
    fn no_damaged_form_makes_it_panic(
        parts in prop::collection::vec(any_part(), 0..3),
        damages in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\r\n-X:;=\" \\\xff".to_vec())), 1..4),
    ) {
        let parts = [vec![field("model", "m"), field("routing", "{}")], parts].concat();
        let mut body = form(&parts).into_bytes();
        for (at, byte) in damages {
            let at = at.index(body.len());
            body[at] = byte;
        }

        if let Ok(form) = MultipartRequest::parse(Bytes::from(body), TYPE) {
            let leaving = Bytes::from(form.splice("other").concat());
            let again = MultipartRequest::parse(leaving, TYPE).expect("well-formed still");
            prop_assert_eq!(again.model.as_deref(), Some("other"));
            prop_assert_eq!(again.wishes, Wishes::default());
        }
    }
}
