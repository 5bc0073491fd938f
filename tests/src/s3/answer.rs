//! Requests and their answers: which kind one is, whether it is signed, which fault it meets, what the bucket says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes};
use axum::extract;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::KEY;
use super::bucket::Bucket;

/// Most bytes of a request.
const BODY_BYTES_MAX: usize = 64 << 20;

/// Kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Request {
    /// A page of a list.
    List,
    /// About an object, without its bytes.
    Head,
    /// Bytes of an object.
    Get,
    /// A whole object.
    Put,
    /// Objects are to go.
    Delete,
    /// An upload begins.
    Begin,
    /// A part of an upload.
    Part,
    /// An upload becomes an object.
    Complete,
    /// An upload is given up.
    Abort,
}

impl Request {
    /// Every kind.
    pub const ALL: [Request; 9] = [
        Request::List,
        Request::Head,
        Request::Get,
        Request::Put,
        Request::Delete,
        Request::Begin,
        Request::Part,
        Request::Complete,
        Request::Abort,
    ];
}

/// What may happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and answered with this status.
    Refuse(u16),
    /// It is done, and answered with this status.
    DoAndRefuse(u16),
    /// It is not done, and never answered.
    Hang,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) bucket: Bucket,
    /// What the next requests of a kind meet, and how many.
    pub(super) faults: BTreeMap<Request, (Fault, u64)>,
    pub(super) counts: BTreeMap<Request, u64>,
    pub(super) unsigned: u64,
}

impl State {
    /// Counts a request, and says what it meets.
    fn meet(&mut self, request: Request) -> Option<Fault> {
        *self.counts.entry(request).or_default() += 1;
        let (fault, left) = self.faults.get_mut(&request)?;
        *left = left.checked_sub(1)?;
        Some(*fault)
    }
}

/// What the server's thread and the test share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) bucket: String,
    pub(super) state: Mutex<State>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

/// Answers any request.
pub(super) async fn answer(
    extract::State(shared): extract::State<Arc<Shared>>,
    request: extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return refusal(400, "IncompleteBody");
    };
    if !signed(&head) {
        shared.lock().unsigned += 1;
        return refusal(403, "InvalidAccessKeyId");
    }
    let path = decoded(head.uri.path());
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != shared.bucket {
        return refusal(404, "NoSuchBucket");
    }
    let query = query(&head);
    let Some(kind) = kind(&head.method, &query) else {
        return refusal(400, "InvalidRequest");
    };
    let met = shared.lock().meet(kind);
    match met {
        None => done(kind, &shared, &head, &query, key, body),
        Some(Fault::Refuse(status)) => refusal(status, "SlowDown"),
        Some(Fault::DoAndRefuse(status)) => {
            let _ = done(kind, &shared, &head, &query, key, body);
            refusal(status, "InternalError")
        }
        Some(Fault::Hang) => std::future::pending().await,
    }
}

/// Whether it is signed with the right key and says so as the protocol wants.
fn signed(head: &Parts) -> bool {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(said) = text("authorization") else {
        return false;
    };
    let signature = said.split("Signature=").nth(1).unwrap_or_default();
    said.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY}/"))
        && said.contains("SignedHeaders=")
        && signature.len() == 64
        && signature.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text("x-amz-date").is_some()
        && text("x-amz-content-sha256").is_some()
}

fn kind(method: &Method, query: &BTreeMap<String, String>) -> Option<Request> {
    let has = |name: &str| query.contains_key(name);
    Some(match *method {
        Method::GET if has("list-type") => Request::List,
        Method::GET => Request::Get,
        Method::HEAD => Request::Head,
        Method::PUT if has("partNumber") => Request::Part,
        Method::PUT => Request::Put,
        Method::POST if has("uploads") => Request::Begin,
        Method::POST if has("uploadId") => Request::Complete,
        Method::POST if has("delete") => Request::Delete,
        Method::DELETE if has("uploadId") => Request::Abort,
        Method::DELETE => Request::Delete,
        _ => return None,
    })
}

fn done(
    kind: Request,
    shared: &Shared,
    head: &Parts,
    query: &BTreeMap<String, String>,
    key: &str,
    body: Bytes,
) -> Response {
    let bucket = &mut shared.lock().bucket;
    let asked = |name: &str| query.get(name).map_or("", String::as_str);
    match kind {
        Request::List => list(bucket, asked("prefix"), asked("continuation-token")),
        Request::Head | Request::Get => read(bucket, head, key),
        Request::Put => tagged(bucket.put(key, body)),
        Request::Delete => {
            bucket.remove(key);
            let text = String::from_utf8_lossy(&body);
            let mut answer = "<DeleteResult>".to_owned();
            for key in between(&text, "Key") {
                bucket.remove(key);
                let _ = write!(answer, "<Deleted><Key>{key}</Key></Deleted>");
            }
            xml(&(answer + "</DeleteResult>"))
        }
        Request::Begin => xml(&format!(
            "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
            bucket.begin(key)
        )),
        Request::Part => {
            let number = asked("partNumber").parse().unwrap_or_default();
            let tag = bucket.part(key, asked("uploadId"), number, body);
            tag.map_or_else(|| refusal(404, "NoSuchUpload"), tagged)
        }
        Request::Complete => complete(
            bucket,
            key,
            asked("uploadId"),
            &String::from_utf8_lossy(&body),
        ),
        Request::Abort if bucket.abort(asked("uploadId")) => StatusCode::NO_CONTENT.into_response(),
        Request::Abort => refusal(404, "NoSuchUpload"),
    }
}

fn list(bucket: &Bucket, prefix: &str, after: &str) -> Response {
    let (page, more) = bucket.list(prefix, after);
    let mut text = format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>");
    if let Some((last, _)) = page.last().filter(|_| more) {
        let _ = write!(
            text,
            "<NextContinuationToken>{last}</NextContinuationToken>"
        );
    }
    for (key, object) in page {
        let _ = write!(
            text,
            "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>2000-01-01T00:00:00.000Z</LastModified>\
             <ETag>{}</ETag></Contents>",
            object.bytes.len(),
            object.tag.replace('"', "&quot;")
        );
    }
    xml(&(text + "</ListBucketResult>"))
}

fn read(bucket: &Bucket, head: &Parts, key: &str) -> Response {
    let Some(object) = bucket.get(key) else {
        return refusal(404, "NoSuchKey");
    };
    let asked =
        |name: header::HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    if asked(header::IF_MATCH).is_some_and(|tag| tag != object.tag) {
        return refusal(412, "PreconditionFailed");
    }
    let whole = object.bytes.len();
    let range =
        asked(header::RANGE).and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let range =
        range.and_then(|(from, to)| Some(from.parse().ok()?..to.parse::<usize>().ok()? + 1));
    let answer = Response::builder()
        .header(header::ETAG, &object.tag)
        .header(header::LAST_MODIFIED, "Sat, 01 Jan 2000 00:00:00 GMT");
    let answer = match range {
        None if head.method == Method::HEAD => answer
            .header(header::CONTENT_LENGTH, whole)
            .body(Body::empty()),
        None => answer.body(object.bytes.clone().into()),
        Some(range) if range.start >= whole => return refusal(416, "InvalidRange"),
        Some(range) => {
            let range = range.start..range.end.min(whole);
            let said = format!("bytes {}-{}/{whole}", range.start, range.end - 1);
            let answer = answer.status(206).header(header::CONTENT_RANGE, said);
            answer.body(object.bytes.slice(range).into())
        }
    };
    answer.expect("its headers are text")
}

fn complete(bucket: &mut Bucket, key: &str, id: &str, body: &str) -> Response {
    let numbers = between(body, "PartNumber").filter_map(|number| number.parse().ok());
    let tags = between(body, "ETag").map(|tag| tag.replace("&quot;", "\""));
    let wanted: Vec<(usize, String)> = numbers.zip(tags).collect();
    match bucket.complete(key, id, &wanted) {
        Ok(tag) => xml(&format!(
            "<CompleteMultipartUploadResult><ETag>{}</ETag></CompleteMultipartUploadResult>",
            tag.replace('"', "&quot;")
        )),
        Err("NoSuchUpload") => refusal(404, "NoSuchUpload"),
        Err(code) => refusal(400, code),
    }
}

fn tagged(tag: String) -> Response {
    [(header::ETAG, tag)].into_response()
}

fn xml(text: &str) -> Response {
    let head = [(header::CONTENT_TYPE, "application/xml")];
    (
        head,
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}"),
    )
        .into_response()
}

fn refusal(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("it is a status");
    let text = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    (status, xml(&text)).into_response()
}

/// What stands between the tags of a name, each time.
fn between<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts: Vec<&str> = text.split(open.as_str()).skip(1).collect();
    parts
        .into_iter()
        .map(move |part| part.split(close.as_str()).next().unwrap_or_default())
}

fn query(head: &Parts) -> BTreeMap<String, String> {
    let pairs = head.uri.query().unwrap_or_default().split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

/// Text with its `%41` made bytes again.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("a code has two digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
