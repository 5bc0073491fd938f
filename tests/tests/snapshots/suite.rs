//! What every store of snapshots must do, of a bucket of our own server and of one of moto.

use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use connectors::conformance::run_all;
use connectors::conformance::snapshots::{ALL, SnapshotRig};
use connectors::snapshots::{ObjectSnapshots, Patience, SnapshotStore};
use tests::place;
use tests::process::{self, Running};
use tests::s3::{self, S3};

struct OwnRig(S3);

impl SnapshotRig for OwnRig {
    fn open(&mut self) -> Result<Box<dyn SnapshotStore>, String> {
        let patience = Patience::default();
        let store = ObjectSnapshots::open("s3://bucket/some/prefix", &self.0.options(), &patience);
        Ok(Box::new(store.map_err(|error| error.to_string())?))
    }

    fn unfinished(&mut self) -> Result<Option<usize>, String> {
        Ok(Some(self.0.uploads()))
    }
}

#[test]
fn a_bucket_passes_the_suite() {
    let failures = run_all(ALL, || {
        Box::new(OwnRig(S3::start("bucket"))) as Box<dyn SnapshotRig>
    });
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A server by others.
struct Moto {
    address: String,
    _server: Running,
}

impl Moto {
    /// Starts it, if it is installed.
    fn start() -> Option<Self> {
        let installed = Command::new("moto_server").arg("--help").output();
        if !installed.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let address = process::free_address();
        let (host, port) = address.split_once(':').unwrap();
        let mut command = Command::new("moto_server");
        command.args(["--host", host, "--port", port]);
        let server = Running::start(command);
        server.line(Duration::from_secs(60), |line| {
            line.text.contains("Running on")
        });
        Some(Self {
            address,
            _server: server,
        })
    }
}

/// A bucket of its own for each check.
struct MotoRig {
    moto: Rc<Moto>,
    bucket: String,
}

impl MotoRig {
    fn new(moto: &Rc<Moto>, number: usize) -> Self {
        let bucket = format!("bucket-{number}");
        let made = ureq::put(format!("http://{}/{bucket}", moto.address)).send_empty();
        assert_eq!(made.unwrap().status(), 200);
        let moto = Rc::clone(moto);
        Self { moto, bucket }
    }
}

impl SnapshotRig for MotoRig {
    fn open(&mut self) -> Result<Box<dyn SnapshotStore>, String> {
        let options = s3::options(&self.moto.address, s3::KEY);
        let url = format!("s3://{}/prefix", self.bucket);
        let store = ObjectSnapshots::open(&url, &options, &Patience::default());
        Ok(Box::new(store.map_err(|error| error.to_string())?))
    }

    fn unfinished(&mut self) -> Result<Option<usize>, String> {
        let (status, list) = process::get(&self.moto.address, &format!("/{}?uploads", self.bucket));
        assert_eq!(status, 200, "{list}");
        Ok(Some(list.matches("<Upload>").count()))
    }
}

#[test]
fn an_implementation_by_others_agrees() {
    // Not every machine that has to pass the rest has it, so this is told and not failed there.
    let Some(moto) = Moto::start() else {
        return place::told(
            "skipped: moto_server is not installed, so only our own server was asked",
        );
    };
    let moto = Rc::new(moto);
    let mut buckets = 0;
    let failures = run_all(ALL, || {
        buckets += 1;
        Box::new(MotoRig::new(&moto, buckets)) as Box<dyn SnapshotRig>
    });
    assert!(failures.is_empty(), "{failures:#?}");
}
