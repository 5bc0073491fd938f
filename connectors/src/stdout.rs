//! The sink that writes one line per record to a stream: NDJSON on a terminal or into a pipe.
//!
//! The invariant: a line is a record's value with nothing added but the newline; a reader that goes away ends the run
//! with one clean error (`the reader has closed the pipe`), never a signal or a panic.

use std::io::{BufWriter, ErrorKind, Write};

use crate::sink::{Payload, Sink, SinkError, Takes};

/// Bytes gathered before they are written on without a flush.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes values as lines. Keys and headers are not written, a tombstone is the line `null`.
pub struct LineSink {
    out: BufWriter<Box<dyn Write + Send>>,
}

impl LineSink {
    /// Over any stream; the program passes its standard output.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
        }
    }
}

impl Sink for LineSink {
    fn takes(&self) -> Takes {
        Takes::Records
    }

    fn write(&mut self, payload: Payload<'_>) -> Result<(), SinkError> {
        let Payload::Records(records) = payload else {
            return Err(SinkError {
                operation: "write lines".to_owned(),
                cause: "this sink takes records".to_owned(),
                retry: false,
            });
        };
        for record in records {
            let value = record.value.as_deref().unwrap_or(b"null");
            self.out
                .write_all(value)
                .and_then(|()| self.out.write_all(b"\n"))
                .map_err(|error| failure(&error))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(|error| failure(&error))
    }

    fn close(&mut self) -> Result<(), SinkError> {
        self.flush()
    }
}

fn failure(error: &std::io::Error) -> SinkError {
    let cause = if error.kind() == ErrorKind::BrokenPipe {
        "the reader has closed the pipe".to_owned()
    } else {
        error.to_string()
    };
    SinkError {
        operation: "write lines".to_owned(),
        cause,
        retry: false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]

    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::conformance::{self, sink::SinkRig};
    use crate::record::OutRecord;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl SinkRig for Shared {
        fn open(&mut self) -> Result<Box<dyn Sink>, String> {
            Ok(Box::new(LineSink::new(Box::new(self.clone()))))
        }

        fn read(&mut self) -> Result<Vec<OutRecord>, String> {
            let bytes = self.0.lock().unwrap();
            let line = |line: &[u8]| OutRecord {
                value: Some(line.to_vec()),
                ..OutRecord::default()
            };
            Ok(bytes
                .split(|byte| *byte == b'\n')
                .filter(|part| !part.is_empty())
                .map(line)
                .collect())
        }

        fn keeps_all(&self) -> bool {
            false
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn the_sink_conforms() {
        let failures = conformance::run_all(conformance::sink::ALL, || -> Box<dyn SinkRig> {
            Box::new(Shared::default())
        });
        assert_eq!(failures, Vec::<String>::new());
    }

    #[test]
    fn a_closed_pipe_is_a_clean_error() {
        let mut sink = LineSink::new(Box::new(Closed));
        let record = OutRecord {
            value: Some(b"{}".to_vec()),
            ..OutRecord::default()
        };
        sink.write(Payload::Records(&[record])).unwrap();
        let error = sink.flush().unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.retry),
            ("write lines: the reader has closed the pipe", false)
        );
    }
}
