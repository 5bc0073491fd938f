//! The rows on configuration of the table of bad input, each by its name: what a hostile or careless configuration
//! must get, through the very functions the commands use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pipeline::config::{self, Checked, System};
use pipeline::finding::Severity;
use tempfile::TempDir;

/// A directory with a pack file and a configuration.
struct Site {
    dir: TempDir,
}

impl Site {
    fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pack.yaml"), "pack: p\n").unwrap();
        Site { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn check(&self, text: impl AsRef<[u8]>, lookup: System) -> Told {
        let path = self.file("pipeline.yaml", text.as_ref(), 0o644);
        Told(config::load(&path, &lookup))
    }
}

/// What was found.
struct Told(Checked);

impl Told {
    /// Line and code of each finding.
    fn places(&self) -> Vec<(usize, &'static str)> {
        let place = |finding: &pipeline::finding::Finding| {
            (finding.position(&self.0.text.text).0, finding.code.id())
        };
        self.0.findings.iter().map(place).collect()
    }

    fn refused(self, places: &[(usize, &str)]) -> Told {
        assert!(self.0.config.is_none(), "{:?}", self.0.findings);
        assert_eq!(self.places(), places, "{:?}", self.0.findings);
        self
    }

    fn says(self, part: &str) -> Told {
        let all = format!("{:?}", self.0.findings);
        assert!(all.contains(part), "no {part} in {all}");
        self
    }

    fn accepted(self) -> Checked {
        assert!(self.0.config.is_some(), "{:?}", self.0.findings);
        self.0
    }
}

fn check(text: impl AsRef<[u8]>) -> Told {
    Site::new().check(text, System::default())
}

fn with(more: &str) -> String {
    format!(
        "name: a\npack: pack.yaml\nsource: {{ embedded: {{ topic: swipes }} }}\n\
         sinks: {{ decisions: {{ embedded: {{ topic: d }} }} }}\n{more}\n"
    )
}

fn kafka(properties: &str, more: &str) -> String {
    format!(
        "name: a\npack: pack.yaml\nsource:\n  kafka:\n    brokers: 127.0.0.1:9092\n    topic: swipes\n    \
         properties:\n{properties}\nsinks: {{ decisions: {{ kafka: {{ topic: d }} }} }}\n{more}\n"
    )
}

#[test]
fn c1_an_unknown_key_is_refused_with_what_was_meant() {
    check(with("delivery: { comit_every: 1s }"))
        .refused(&[(5, "E1002")])
        .says("did you mean `commit_every`?");
    check(with("isolaton: read_committed")).refused(&[(5, "E1002")]);
}

#[test]
fn c2_a_wrong_unit_or_an_overflow_is_refused_with_the_range() {
    for wrong in [
        "5 parsecs",
        "9999999999d",
        "99999999999999999999999s",
        "-1s",
        "0s",
        "50",
        "1.5s",
    ] {
        check(with(&format!("delivery: {{ commit_every: {wrong} }}")))
            .refused(&[(5, "E1005")])
            .says("from 1ms to 1m");
    }
}

#[test]
fn c3_a_secret_that_cannot_be_had_is_refused() {
    let site = Site::new();
    site.file("empty", b"\n", 0o600);
    site.file("large", &vec![b'x'; 64 * 1024 + 1], 0o600);
    site.file("open", b"s3cret\n", 0o644);
    site.file("binary", &[0xff, 0xfe], 0o600);
    std::fs::create_dir(site.path("folder")).unwrap();
    for (value, code, why) in [
        ("${env:TOLLGATE_TEST_UNSET_VARIABLE}", "E1008", "is not set"),
        ("${file:missing}", "E1008", "not found"),
        ("${file:empty}", "E1008", "is empty"),
        ("${file:large}", "E1008", "larger than 64 KiB"),
        ("${file:binary}", "E1008", "not UTF-8"),
        ("${file:folder}", "E1008", "no regular file"),
        ("${file:open}", "E1009", "every user of this machine"),
    ] {
        let text = kafka(&format!("      sasl.password: \"{value}\""), "");
        let told = site.check(text, System::default());
        assert!(
            told.places().contains(&(8, code)),
            "{value}: {:?}",
            told.0.findings
        );
        assert!(told.0.config.is_none(), "{value}");
        let all = format!("{:?}", told.says(why).0);
        assert!(!all.contains("s3cret"), "{all}");
    }
    let text = kafka("      sasl.password: \"${file:open}\"", "");
    site.check(
        text,
        System {
            allow_insecure_perms: true,
        },
    )
    .accepted();
}

#[test]
fn c4_an_inline_secret_is_refused_or_warned_of_and_never_shown() {
    let secret = "      sasl.password: hunter2";
    let refused = check(kafka(secret, "")).refused(&[(8, "E1010")]);
    let allowed = check(kafka(secret, "allow_inline_secrets: true")).accepted();
    assert!(
        allowed
            .findings
            .iter()
            .all(|finding| finding.severity == Severity::Warning)
    );
    assert_eq!(allowed.findings.len(), 1);
    for shown in [format!("{:?}", refused.0), format!("{allowed:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn c5_properties_off_the_list_are_refused_by_name() {
    for (name, value) in [
        ("plugin.library.paths", "evil.so"),
        ("ssl.engine.location", "evil.so"),
        ("ssl.providers", "evil"),
        ("sasl.kerberos.kinit.cmd", "rm -rf /"),
        ("test.mock.num.brokers", "3"),
        ("open_cb", "x"),
        ("enable.ssl.certificate.verification", "false"),
        ("ssl.endpoint.identification.algorithm", "none"),
        (
            "sasl.oauthbearer.token.endpoint.url",
            "http://169.254.169.254/",
        ),
        ("enable.auto.commit", "true"),
        ("auto.offset.reset", "latest"),
        ("isolation.level", "read_uncommitted"),
    ] {
        let told = check(kafka(&format!("      {name}: \"{value}\""), ""));
        assert!(told.0.config.is_none(), "{name} was accepted");
        assert!(
            told.places().contains(&(8, "E1011")),
            "{name}: {:?}",
            told.0.findings
        );
        told.says(&format!("property `{name}` is refused: "));
    }
}

#[test]
fn c6_cleartext_to_another_machine_is_refused_unless_insecure_is_said() {
    let far = |more: &str| {
        kafka("      client.rack: a", "")
            .replace("127.0.0.1:9092", &format!("kafka.example.com:9092{more}"))
    };
    check(far("")).refused(&[(5, "E1012")]);
    check(far("\n    insecure: true")).accepted();
    let encrypted = far("").replace("client.rack: a", "security.protocol: ssl");
    check(encrypted).accepted();
}

#[test]
fn c7_no_output_is_the_input_and_no_two_streams_share_one() {
    let text = |sinks: &str| {
        format!(
            "name: a\npack: pack.yaml\nsource: {{ kafka: {{ brokers: \"127.0.0.1:9092\", topic: swipes }} }}\n\
             sinks:\n{sinks}"
        )
    };
    let to =
        |topic: &str| format!("{{ kafka: {{ brokers: \"127.0.0.1:9092\", topic: {topic} }} }}");
    check(text(&format!("  decisions: {}\n", to("swipes")))).refused(&[(5, "E1013")]);
    check(text(&format!(
        "  decisions: {}\n  dead_letters: {}\n",
        to("d"),
        to("swipes")
    )))
    .refused(&[(6, "E1013")]);
    check(text(&format!(
        "  decisions: {}\n  alerts: {}\n",
        to("d"),
        to("d")
    )))
    .refused(&[(6, "E1014")]);
    check(text(&format!("  decisions: {}\n", to("a.control")))).refused(&[(5, "E1013")]);
    check(text(&format!(
        "  decisions: {}\n  alerts: {}\n",
        to("d"),
        to("b")
    )))
    .accepted();
}

#[test]
fn c8_of_two_processes_with_one_id_the_second_is_kept_out() {
    use connectors::embedded::{Durability, EmbeddedError, EmbeddedLog, Options};
    let site = Site::new();
    let open = || {
        let options = Options {
            application: "a".to_owned(),
            durability: Durability::Process,
            clock: std::sync::Arc::new(|| 0),
        };
        EmbeddedLog::open(&site.path("state"), options)
    };
    let first = open().unwrap();
    assert!(matches!(open(), Err(EmbeddedError::Locked { .. })));
    drop(first);
    open().unwrap();
}

#[test]
fn c12_a_file_that_is_no_sane_text_is_refused() {
    let bomb = {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
        }
        text
    };
    let cases: [(&str, Vec<u8>); 5] = [
        ("not UTF-8", vec![b'a', b':', 0xff, b'\n']),
        ("a byte order mark", b"\xef\xbb\xbfname: a\n".to_vec()),
        ("an alias bomb", bomb.into_bytes()),
        ("nested ten thousand deep", "[".repeat(10_000).into_bytes()),
        (
            "nested ten thousand deep in mappings",
            "{a: ".repeat(10_000).into_bytes(),
        ),
    ];
    for (name, bytes) in cases {
        let told = check(&bytes);
        assert!(
            told.0.config.is_none() && !told.0.findings.is_empty(),
            "{name}"
        );
    }
    // 100 MB of nothing, without writing 100 MB.
    let site = Site::new();
    let path = site.path("large.yaml");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"name: a\n").unwrap();
    file.set_len(100 << 20).unwrap();
    let told = Told(config::load(&path, &System::default()));
    told.refused(&[(1, "E0105")]);
    let missing = Told(config::load(Path::new("nowhere.yaml"), &System::default()));
    missing.refused(&[(1, "E1001")]);
}

#[test]
fn a8_http_is_not_offered_to_other_machines() {
    for address in ["0.0.0.0:9900", "[::]:9900", "192.168.1.4:9900"] {
        check(with(&format!("http: {{ listen: \"{address}\" }}"))).refused(&[(5, "E1015")]);
    }
    check(with("http: { listen: \"127.0.0.1:9900\" }")).accepted();
    check(with("http: { listen: \"[::1]:9900\" }")).accepted();
}
