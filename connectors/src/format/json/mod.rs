//! JSON objects straight to columns, in one pass, reading only what is wanted.
//!
//! The idea: a strict scanner of our own ([`scan`]) rather than serde_json, because three things are needed that its
//! visitors do not give: the digits of a number as written, the names of skipped members (a name that comes twice is
//! refused also where nobody wants it), and strings that are checked even when skipped. The order in which the
//! members came last time ([`mod@tree`]) makes it fast, and faster still the record with nothing odd in it ([`usual`]),
//! which nearly every record is. The invariant: what serde_json refuses is refused here, both ways give the same, and
//! the steady state allocates nothing per record.

mod scan;
mod swar;
mod tree;
mod usual;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod same;
#[cfg(test)]
mod tests;

use arrow::array::{Array, BinaryArray};

use self::scan::Scanner;
use self::tree::{Node, tree};
use super::row::{Problem, Rows};
use super::value::Scalar;
use super::verdicts::{self, Verdicts, empty};
use super::{Decoded, Decoder, Limits, WantedColumn, WantedError};
use crate::reject::RejectCode;

/// Decodes one JSON object per value.
#[derive(Debug)]
pub struct JsonDecoder {
    rows: Rows,
    nodes: Vec<Node>,
    limits: Limits,
    scratch: String,
    guess: bool,
}

impl JsonDecoder {
    /// A decoder for these columns.
    ///
    /// # Errors
    /// When a column has a type that no field has, or a default that is not of its type.
    pub fn new(wanted: Vec<WantedColumn>, limits: Limits) -> Result<JsonDecoder, WantedError> {
        let rows = Rows::new(wanted)?;
        let nodes = tree(rows.wanted());
        Ok(JsonDecoder {
            rows,
            nodes,
            limits,
            scratch: String::new(),
            guess: true,
        })
    }

    /// The same decoder, which reads every record the long way: what tests compare the short one with.
    #[must_use]
    pub fn without_guessing(mut self) -> JsonDecoder {
        self.guess = false;
        self
    }

    fn record(&mut self, value: &[u8]) -> Result<(), Problem> {
        if self.guess {
            if self.usual(value).is_some() {
                return Ok(());
            }
            self.rows.drop_row();
        }
        if self.scanned(value).is_ok() {
            return Ok(());
        }
        // Which of several mistakes is found first depends on the order remembered. A dead letter must not depend on
        // the records before it, so the mistake that counts is the one found with nothing remembered.
        self.rows.drop_row();
        let shapes = self
            .nodes
            .iter_mut()
            .map(|node| std::mem::take(&mut node.shape));
        let shapes: Vec<_> = shapes.collect();
        let outcome = self.scanned(value);
        for (node, shape) in self.nodes.iter_mut().zip(shapes) {
            node.shape = shape;
        }
        outcome
    }

    /// A record of any kind, and what is wrong with it.
    fn scanned(&mut self, value: &[u8]) -> Result<(), Problem> {
        if value.len() > self.limits.value_bytes {
            let detail = format!("larger than {} bytes", self.limits.value_bytes);
            return Err(Problem {
                code: RejectCode::TooLarge,
                detail,
            });
        }
        let text = std::str::from_utf8(value).map_err(|error| Problem {
            code: RejectCode::Malformed,
            detail: format!("byte {}: not UTF-8", error.valid_up_to()),
        })?;
        let mut scanner = Scanner::new(text, self.limits.depth);
        match scanner.peek() {
            b'{' => self.object(&mut scanner, 0, 0)?,
            0 if scanner.at_end() => return Err(empty("only blanks")),
            _ => return Err(not_an_object(&mut scanner)),
        }
        if !scanner.at_end() {
            return Err(scanner.problem("something follows the object"));
        }
        self.rows.take()
    }

    /// A value that is wanted or leads to one, with `open` levels around it.
    fn value(&mut self, scanner: &mut Scanner<'_>, node: usize, open: u32) -> Result<(), Problem> {
        let scalar = match scanner.peek() {
            b'{' => {
                self.put(node, Scalar::Object)?;
                return self.object(scanner, node, open);
            }
            b'[' => {
                self.put(node, Scalar::Array)?;
                return self.array(scanner, node, open);
            }
            b'"' => {
                let raw = scanner.string()?;
                if raw.escaped {
                    let mut scratch = std::mem::take(&mut self.scratch);
                    raw.unescape(&mut scratch);
                    let put = self.put(node, Scalar::Text(&scratch));
                    self.scratch = scratch;
                    return put;
                }
                Scalar::Text(raw.text)
            }
            b'-' | b'0'..=b'9' => Scalar::Number(scanner.number()?),
            _ => scanner.word()?.map_or(Scalar::Null, Scalar::Bool),
        };
        self.put(node, scalar)
    }

    fn put(&mut self, node: usize, scalar: Scalar<'_>) -> Result<(), Problem> {
        for column in &self.nodes[node].columns {
            self.rows.put(*column, scalar)?;
        }
        Ok(())
    }

    fn object(&mut self, scanner: &mut Scanner<'_>, node: usize, open: u32) -> Result<(), Problem> {
        scanner.check_depth(open)?;
        scanner.step();
        if scanner.peek() == b'}' {
            scanner.step();
            return Ok(());
        }
        let first = *scanner;
        // Where the next member stands in the shape if nothing changed, and how many came.
        let (mut next, mut count) = (0, 0);
        loop {
            let position = match self.nodes[node].recall(scanner, next) {
                Some(position) => position,
                None => {
                    self.nodes[node].learn(first, open + 1)?;
                    scanner.string()?;
                    // The shape now begins with the members of this very object.
                    count
                }
            };
            scanner.expect(b':', "expected a colon")?;
            match self.nodes[node].shape[position].child {
                Some(child) => self.value(scanner, child, open + 1)?,
                None => scanner.skip(open + 1)?,
            }
            next = position + 1;
            count += 1;
            match scanner.peek() {
                b',' => scanner.step(),
                b'}' => {
                    scanner.step();
                    break;
                }
                _ => return Err(scanner.problem("expected a comma or the end of the object")),
            }
            scanner.peek();
        }
        self.nodes[node].trim();
        Ok(())
    }

    fn array(&mut self, scanner: &mut Scanner<'_>, node: usize, open: u32) -> Result<(), Problem> {
        scanner.check_depth(open)?;
        scanner.step();
        if scanner.peek() == b']' {
            scanner.step();
            return Ok(());
        }
        for index in 0.. {
            match self.nodes[node].element(index) {
                Some(child) => self.value(scanner, child, open + 1)?,
                None => scanner.skip(open + 1)?,
            }
            match scanner.peek() {
                b',' => scanner.step(),
                b']' => {
                    scanner.step();
                    break;
                }
                _ => return Err(scanner.problem("expected a comma or the end of the array")),
            }
        }
        Ok(())
    }
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, values: &BinaryArray) -> Decoded {
        let mut verdicts = Verdicts::with_capacity(values.len());
        for row in 0..values.len() {
            let outcome =
                verdicts::bytes(values, row, "no bytes").and_then(|value| self.record(value));
            verdicts.note(&mut self.rows, row, outcome);
        }
        verdicts.finish(&mut self.rows)
    }

    fn another(&self) -> Box<dyn Decoder> {
        let rows = self.rows.another();
        Box::new(JsonDecoder {
            nodes: tree(rows.wanted()),
            rows,
            limits: self.limits,
            scratch: String::new(),
            guess: self.guess,
        })
    }
}

/// What a document is that is no object: malformed first, then of another kind.
fn not_an_object(scanner: &mut Scanner<'_>) -> Problem {
    let found = match scanner.peek() {
        b'n' => "null",
        b'[' => "an array",
        b'"' => "text",
        _ => "a single value",
    };
    if let Err(problem) = scanner.skip(0) {
        return problem;
    }
    if !scanner.at_end() {
        return scanner.problem("something follows the value");
    }
    if found == "null" {
        return empty("the literal null");
    }
    Problem {
        code: RejectCode::WrongType,
        detail: format!("the record: expected an object, found {found}"),
    }
}
