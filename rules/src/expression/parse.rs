//! From text to syntax tree: the limits, the parser, and where things stand in the text.
//!
//! The idea: the limits are checked on tokens, before the parser runs, because its recursion, its backtracking and
//! the drop of its trees grow with what it is given. The invariant: behind this file every tree is at most
//! [`NESTING_MAX`] deep in brackets and [`OPERATORS_MAX`] long in operators, so the recursion of walking and of
//! dropping it is bounded; spans are bytes of the text, always inside it and on character boundaries.

use std::ops::Range;

use datafusion_sql::sqlparser::ast::Expr;
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::Problem;
use crate::diagnostic::Code;

/// Bytes of one expression.
pub const BYTES_MAX: usize = 16 * 1024;

/// Brackets, CASEs and prefix operators inside one another.
pub const NESTING_MAX: usize = 64;

/// Words and symbols of one expression.
pub const TOKENS_MAX: usize = 10_000;

/// Operators and keywords of one expression.
pub const OPERATORS_MAX: usize = 1_024;

/// What the SQL parser may recurse: several levels of its own for each of ours.
const PARSER_RECURSION_MAX: usize = 4 * NESTING_MAX;

/// Levels of [`RETRIED`] words with brackets inside one another: the parser's work may double with each.
const RETRIED_NESTING_MAX: usize = 8;

/// Words with a syntax of their own that the parser, when it meets an error inside their brackets, reads once more as
/// the name of a function.
const RETRIED: &[Keyword] = &[
    Keyword::ARRAY,
    Keyword::BOX,
    Keyword::CAST,
    Keyword::CEIL,
    Keyword::CIRCLE,
    Keyword::CONVERT,
    Keyword::EXISTS,
    Keyword::EXTRACT,
    Keyword::FLOOR,
    Keyword::IN,
    Keyword::INTERVAL,
    Keyword::LAMBDA,
    Keyword::LINE,
    Keyword::LSEG,
    Keyword::MAP,
    Keyword::MATCH,
    Keyword::NOT,
    Keyword::OVERLAY,
    Keyword::PATH,
    Keyword::POINT,
    Keyword::POLYGON,
    Keyword::POSITION,
    Keyword::PRIOR,
    Keyword::SAFE_CAST,
    Keyword::STRUCT,
    Keyword::SUBSTR,
    Keyword::SUBSTRING,
    Keyword::TRIM,
    Keyword::TRY_CAST,
    Keyword::TRY_CONVERT,
];

/// Words that begin a statement.
const STATEMENTS: &[Keyword] = &[
    Keyword::ALTER,
    Keyword::ANALYZE,
    Keyword::ATTACH,
    Keyword::BEGIN,
    Keyword::CALL,
    Keyword::COMMIT,
    Keyword::COPY,
    Keyword::CREATE,
    Keyword::DELETE,
    Keyword::DROP,
    Keyword::EXECUTE,
    Keyword::EXPLAIN,
    Keyword::GRANT,
    Keyword::INSERT,
    Keyword::INSTALL,
    Keyword::LOAD,
    Keyword::MERGE,
    Keyword::PRAGMA,
    Keyword::PREPARE,
    Keyword::RESET,
    Keyword::REVOKE,
    Keyword::ROLLBACK,
    Keyword::SELECT,
    Keyword::SET,
    Keyword::SHOW,
    Keyword::TRUNCATE,
    Keyword::UNLOAD,
    Keyword::UPDATE,
    Keyword::USE,
    Keyword::VACUUM,
    Keyword::VALUES,
    Keyword::WITH,
];

/// Finds the byte of a line and column.
pub(super) struct Places<'a> {
    pub(super) text: &'a str,
    /// The byte each line begins at.
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Places<'a> {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0)
            .chain(ends.map(|(at, _)| at + 1))
            .collect();
        Places { text, lines }
    }

    /// The whole expression without the blanks around it.
    pub(super) fn whole(&self) -> Range<usize> {
        let start = self.text.len() - self.text.trim_start().len();
        start..(start + self.text.trim().len())
    }

    fn byte(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line.checked_sub(1)?).ok()?;
        let column = usize::try_from(location.column.checked_sub(1)?).ok()?;
        let start = *self.lines.get(line)?;
        let rest = self.text.get(start..)?;
        let within = rest
            .char_indices()
            .nth(column)
            .map_or(rest.len(), |(at, _)| at);
        Some(start + within)
    }

    /// The bytes of a span of the parser; the whole expression where it has none.
    pub(super) fn range(&self, span: Span) -> Range<usize> {
        match (self.byte(span.start), self.byte(span.end)) {
            (Some(start), Some(end)) if start < end => start..end,
            (Some(start), _) => self.one(start),
            _ => self.whole(),
        }
    }

    /// One character, or the end of the text.
    fn one(&self, start: usize) -> Range<usize> {
        let width = self.text.get(start..).and_then(|rest| rest.chars().next());
        start..start + width.map_or(0, char::len_utf8)
    }

    /// A span that takes in the brackets around it.
    pub(super) fn bracketed(&self, span: Range<usize>) -> Range<usize> {
        let before = self.text.get(..span.start).unwrap_or_default().trim_end();
        let start = if before.ends_with('(') {
            before.len() - 1
        } else {
            span.start
        };
        start..self.closed(span.end)
    }

    /// An end that takes in the bracket behind it.
    pub(super) fn closed(&self, end: usize) -> usize {
        let rest = self.text.get(end..).unwrap_or_default();
        let bracket = rest.trim_start();
        if bracket.starts_with(')') {
            end + (rest.len() - bracket.len()) + 1
        } else {
            end
        }
    }
}

/// Reads the whole text as one expression.
pub(super) fn parse(places: &Places<'_>) -> Result<Expr, Problem> {
    if places.text.len() > BYTES_MAX {
        let message = format!("the expression has {} bytes", places.text.len());
        return Err(too_large(
            0..0,
            message,
            &format!("at most {BYTES_MAX} are read"),
        ));
    }
    if places.text.trim().is_empty() {
        return Err(syntax(
            0..places.text.len(),
            "the expression is empty".to_owned(),
        ));
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, places.text)
        .tokenize_with_location()
        .map_err(|error| {
            let at = places.byte(error.location).unwrap_or(0);
            syntax(places.one(at), plain(&error.message))
        })?;
    limits(places, &tokens)?;
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(PARSER_RECURSION_MAX)
        .with_tokens_with_locations(tokens);
    let first = parser.peek_token();
    let statement = |first: &TokenWithSpan| match &first.token {
        Token::Word(word) if word.quote_style.is_none() => STATEMENTS.contains(&word.keyword),
        _ => false,
    };
    let refused = |problem: Problem| {
        if !statement(&first) {
            return problem;
        }
        Problem {
            code: Code::NotAllowed,
            span: places.range(first.span),
            message: format!(
                "`{}` begins a statement, which is not allowed here",
                first.token
            ),
            help: Some("write one expression, such as `amount > 100`".to_owned()),
        }
    };
    let expression = parser
        .parse_expr()
        .map_err(|error| refused(parser_problem(places, error)))?;
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(expression);
    }
    let message = format!(
        "unexpected `{}` after the end of the expression",
        next.token
    );
    Err(refused(syntax(places.range(next.span), message)))
}

fn limits(places: &Places<'_>, tokens: &[TokenWithSpan]) -> Result<(), Problem> {
    let (mut total, mut operators) = (0usize, 0usize);
    // Each open bracket or CASE, and whether the parser may read what is in it twice.
    let mut open: Vec<bool> = Vec::new();
    let mut retried = false;
    for token in tokens {
        let mut tried_twice = false;
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => open.push(retried),
            Token::RParen | Token::RBracket | Token::RBrace => {
                open.pop();
            }
            Token::Word(word) if word.quote_style.is_none() => {
                tried_twice = RETRIED.contains(&word.keyword);
                match word.keyword {
                    Keyword::CASE => open.push(false),
                    Keyword::END => {
                        open.pop();
                    }
                    _ => {}
                }
                operators += usize::from(word.keyword != Keyword::NoKeyword);
            }
            Token::Comma
            | Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EOF => {}
            _ => operators += 1,
        }
        retried = tried_twice;
        total += 1;
        let at = || places.range(token.span);
        if open.len() > NESTING_MAX {
            let help = format!("at most {NESTING_MAX} levels of brackets are read");
            return Err(too_large(
                at(),
                "the expression is nested too deeply".to_owned(),
                &help,
            ));
        }
        if open.iter().filter(|retried| **retried).count() > RETRIED_NESTING_MAX {
            let help = format!(
                "at most {RETRIED_NESTING_MAX} levels of NOT (…), IN (…), CAST (…) and the like are read"
            );
            return Err(too_large(
                at(),
                "the expression is nested too deeply".to_owned(),
                &help,
            ));
        }
        if total > TOKENS_MAX {
            let help = format!(
                "at most {TOKENS_MAX} words and symbols are read; long lists belong in a list"
            );
            return Err(too_large(
                at(),
                "the expression is too long".to_owned(),
                &help,
            ));
        }
        if operators > OPERATORS_MAX {
            let help = format!(
                "at most {OPERATORS_MAX} operators and keywords are read; use IN (…) or in_list"
            );
            return Err(too_large(
                at(),
                "the expression is too long".to_owned(),
                &help,
            ));
        }
    }
    Ok(())
}

fn parser_problem(places: &Places<'_>, error: ParserError) -> Problem {
    match error {
        ParserError::RecursionLimitExceeded => too_large(
            places.whole(),
            "the expression is nested too deeply".to_owned(),
            "split it with `let`",
        ),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            let (message, span) = located(places, &message);
            syntax(span, plain(message))
        }
    }
}

/// Takes ` at Line: 1, Column: 5` off a message of the parser.
fn located<'m>(places: &Places<'_>, message: &'m str) -> (&'m str, Range<usize>) {
    let end = places.whole().end;
    let Some((message, place)) = message.rsplit_once(" at Line: ") else {
        return (message, end..end);
    };
    let location = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location {
            line: line.parse().ok()?,
            column: column.parse().ok()?,
        })
    });
    let at = location
        .and_then(|location| places.byte(location))
        .unwrap_or(end);
    (message, places.one(at))
}

/// A message of the parser as an analyst reads it.
fn plain(message: &str) -> String {
    let message = message
        .replace("Expected: ", "expected ")
        .replace(", found: EOF", ", but the text ends")
        .replace(", found: ", ", found ");
    let mut letters = message.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "this cannot be read".to_owned(),
    }
}

fn syntax(span: Range<usize>, message: String) -> Problem {
    Problem {
        code: Code::ExpressionSyntax,
        span,
        message,
        help: None,
    }
}

fn too_large(span: Range<usize>, message: String, help: &str) -> Problem {
    Problem {
        code: Code::ExpressionTooLarge,
        span,
        message,
        help: Some(help.to_owned()),
    }
}
