//! Requests that fail, hang or lose their answer: asked again where that helps, else an error in finite time.

use std::io::Write;

use connectors::snapshots::{SnapshotError, SnapshotStore};
use tests::s3::{Fault, Request, S3};

use super::{TWO_PARTS, begin, is_whole, open, write};

#[test]
fn a_store_that_is_busy_for_a_moment_is_asked_again() {
    let server = S3::start("bucket");
    let store = open(&server);
    for request in Request::ALL {
        server.fault(request, Fault::Refuse(503), 1);
    }
    write(&store, "small", 10).unwrap();
    write(&store, "large", TWO_PARTS).unwrap();
    assert_eq!(store.list().unwrap(), ["large", "small"]);
    is_whole(&store, "large", TWO_PARTS);
    drop(begin(&store, "dropped", 5 * TWO_PARTS));
    assert_eq!(server.uploads(), 0);
    store.remove("small").unwrap();
    for request in Request::ALL {
        assert!(server.counted(request) >= 2, "{request:?} met no fault");
    }
}

/// Everything that can be asked of a store, after which nothing may be left of what failed.
fn all_fail(server: &S3, store: &dyn SnapshotStore, request: Request) {
    let failed = match request {
        Request::List => store.list().map(|_| ()),
        Request::Head => store.open("kept").map(|_| ()),
        Request::Get => store
            .open("kept")
            .and_then(|reader| reader.read_at(0, &mut [0; 10])),
        Request::Put => write(store, "new", 10),
        Request::Delete => store.remove("kept"),
        Request::Begin | Request::Part | Request::Complete => write(store, "new", TWO_PARTS),
        // Told in the log alone: the writer has no way left to tell it.
        Request::Abort => {
            drop(begin(store, "new", 5 * TWO_PARTS));
            assert_eq!(server.uploads(), 1, "{request:?}");
            return;
        }
    };
    let failed = failed.expect_err("the fault shows");
    assert!(failed.retry_can_help(), "{request:?}: {failed}");
    assert!(
        failed.to_string().contains("s3://bucket/some/prefix"),
        "{request:?}: {failed}"
    );
    assert_eq!(server.uploads(), 0, "{request:?}");
}

/// Every kind of request at once, since all they do is wait.
fn a_fault_that_stays_is_an_error(fault: Fault) {
    std::thread::scope(|threads| {
        for request in Request::ALL {
            threads.spawn(move || a_fault_is_an_error(request, fault));
        }
    });
}

fn a_fault_is_an_error(request: Request, fault: Fault) {
    let server = S3::start("bucket");
    let store = open(&server);
    write(&store, "kept", 10).unwrap();
    server.fault(request, fault, u64::MAX);
    all_fail(&server, &store, request);
    // Up to four parts are under way together, each sent three times.
    let sent = server.counted(request);
    assert!((1..=12).contains(&sent), "{request:?}: {sent} requests");
    server.heal();
    assert_eq!(store.list().unwrap(), ["kept"], "{request:?}");
    is_whole(&store, "kept", 10);
    write(&store, "new", TWO_PARTS).unwrap();
    is_whole(&store, "new", TWO_PARTS);
}

#[test]
fn a_store_that_stays_busy_is_an_error() {
    a_fault_that_stays_is_an_error(Fault::Refuse(503));
}

#[test]
fn a_store_that_hangs_is_an_error() {
    a_fault_that_stays_is_an_error(Fault::Hang);
}

#[test]
fn a_lost_answer_leaves_a_whole_snapshot() {
    let server = S3::start("bucket");
    let store = open(&server);
    server.fault(Request::Complete, Fault::DoAndRefuse(500), 1);
    // Asked again, the server knows no such upload any more, so the store cannot tell.
    let failed = write(&store, "a", TWO_PARTS).unwrap_err();
    assert!(
        failed
            .to_string()
            .starts_with("finish s3://bucket/some/prefix/a.snapshot: "),
        "{failed}"
    );
    assert_eq!(store.list().unwrap(), ["a"]);
    is_whole(&store, "a", TWO_PARTS);
    // The same again is how a caller settles it.
    write(&store, "a", TWO_PARTS).unwrap();
    is_whole(&store, "a", TWO_PARTS);
}

#[test]
fn after_a_write_that_failed_nothing_is_finished() {
    let server = S3::start("bucket");
    let store = open(&server);
    server.fault(Request::Part, Fault::Refuse(400), 1);
    let mut writer = store.create("a").unwrap();
    let failed = writer.write_all(&vec![7; 5 * TWO_PARTS]).unwrap_err();
    assert!(
        failed
            .to_string()
            .contains("write s3://bucket/some/prefix/a.snapshot"),
        "{failed}"
    );
    assert!(writer.write_all(b"more").is_err());
    assert!(matches!(writer.finish(), Err(SnapshotError::Broken { .. })));
    assert_eq!((server.uploads(), server.objects().len()), (0, 0));
}
