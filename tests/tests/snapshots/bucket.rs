//! What only a bucket has: keys, prefixes, objects of others, and a network between.

use connectors::snapshots::{ObjectSnapshots, SnapshotStore};
use tests::process;
use tests::s3::{self, S3};

use super::{open, patience, write};

#[test]
fn requests_are_signed_with_the_key_that_was_given() {
    let server = S3::start("bucket");
    write(&open(&server), "a", 10).unwrap();
    assert_eq!(server.unsigned(), 0);
    let mut options = server.options();
    options.retain(|(key, _)| key != "access_key_id");
    options.push(("access_key_id".to_owned(), "AKIASOMEBODYELSE".to_owned()));
    let store = ObjectSnapshots::open("s3://bucket/some/prefix", &options, &patience()).unwrap();
    let refused = store.list().unwrap_err();
    assert!(server.unsigned() > 0);
    assert!(!refused.retry_can_help(), "{refused}");
    let said = refused.to_string();
    assert!(said.starts_with("list s3://bucket/some/prefix: "), "{said}");
    assert!(!said.contains(s3::SECRET), "{said}");
}

#[test]
fn only_snapshots_below_the_prefix_are_listed() {
    let server = S3::start("bucket");
    for key in [
        "a.snapshot",
        "some/b.snapshot",
        "some/prefix/c.snapshot",
        "some/prefix/D.snapshot",
        "some/prefix/e.tmp",
        "some/prefix/f/g.snapshot",
        "some/prefix-2/h.snapshot",
    ] {
        server.put(key, b"x");
    }
    assert_eq!(open(&server).list().unwrap(), ["c"]);
    let at_the_top = ObjectSnapshots::open("s3://bucket", &server.options(), &patience()).unwrap();
    assert_eq!(at_the_top.list().unwrap(), ["a"]);
    write(&at_the_top, "z", 1).unwrap();
    assert_eq!(at_the_top.list().unwrap(), ["a", "z"]);
    assert!(server.objects().contains(&"z.snapshot".to_owned()));
}

#[test]
fn one_replaced_while_it_is_read_is_an_error() {
    let server = S3::start("bucket");
    let store = open(&server);
    write(&store, "a", 100).unwrap();
    let reader = store.open("a").unwrap();
    reader.read_at(0, &mut [0; 50]).unwrap();
    write(&store, "a", 100).unwrap();
    let failed = reader.read_at(50, &mut [0; 50]).unwrap_err();
    assert!(
        failed
            .to_string()
            .contains("read s3://bucket/some/prefix/a.snapshot"),
        "{failed}"
    );
}

#[test]
fn a_bucket_that_is_not_there_and_a_server_that_is_not_there_are_named() {
    let server = S3::start("bucket");
    let elsewhere =
        ObjectSnapshots::open("s3://elsewhere/x", &server.options(), &patience()).unwrap();
    let failed = elsewhere.list().unwrap_err().to_string();
    assert!(
        failed.starts_with("list s3://elsewhere/x: ") && failed.contains("NoSuchBucket"),
        "{failed}"
    );
    let options = s3::options(&process::free_address(), s3::KEY);
    let nowhere = ObjectSnapshots::open("s3://bucket/x", &options, &patience()).unwrap();
    let failed = nowhere.list().unwrap_err();
    assert!(
        failed.retry_can_help() && failed.to_string().starts_with("list s3://bucket/x: "),
        "{failed}"
    );
}
