//! Addresses and options. What a bucket does is tested over HTTP, in `tests/tests/snapshots`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;

#[test]
fn an_address_is_read_or_refused() {
    for (url, shown) in [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("gs://b.u-c_k/a/b/", "gs://b.u-c_k/a/b"),
        ("az://container/prefix", "az://container/prefix"),
    ] {
        assert_eq!(Location::parse(url).unwrap().to_string(), shown);
    }
    for wrong in [
        "",
        "bucket",
        "http://bucket/a",
        "S3://bucket",
        "s3://",
        "s3:///a",
        "s3://b?x=1",
        "s3://b/a//c",
        "s3://b/../c",
        "s3://b/a b",
    ] {
        let refused = Location::parse(wrong);
        assert!(
            matches!(&refused, Err(SnapshotError::Location { url, .. }) if url == wrong),
            "{wrong}: {refused:?}"
        );
    }
    let refused = Location::parse("s3://key:password@bucket").unwrap_err();
    assert!(!refused.to_string().contains("password"), "{refused}");
}

#[test]
fn options_are_those_on_the_list() {
    let open = |url: &str, options: &[(&str, &str)]| {
        let options: Vec<_> = options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        ObjectSnapshots::open(url, &options, &Patience::default())
    };
    // Each option on a list is one the client knows; some want another beside them, or a value of a kind.
    for (url, always) in [
        ("s3://b", ("region", "r")),
        ("gs://b", ("skip_signature", "true")),
        ("az://b", ("account_name", "a")),
    ] {
        for option in Location::parse(url).unwrap().options() {
            let opened = open(url, &[always, (option, "true")]);
            let unknown = opened
                .err()
                .map(|error| error.to_string())
                .filter(|text| text.contains("Configuration key"));
            assert_eq!(unknown, None, "{option}");
        }
    }
    for wrong in [
        "allow_invalid_certificates",
        "timeout",
        "bucket",
        "aws_region",
        "proxy_url",
        "",
    ] {
        let refused = open("s3://b/p", &[("region", "r"), (wrong, "sesame")])
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("there is no option") && !refused.contains("sesame"),
            "{refused}"
        );
    }
    let opened = open(
        "s3://b/p",
        &[("access_key_id", "open"), ("secret_access_key", "sesame")],
    )
    .unwrap();
    assert_eq!(
        format!("{opened:?}"),
        r#"ObjectSnapshots { location: Location { kind: S3, bucket: "b", prefix: Path { raw: "p" } }, .. }"#
    );
}
