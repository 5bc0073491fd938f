//! From syntax tree to program: names are found, types are checked, everything not on the whitelist is refused.
//!
//! The idea: one walk, by value, that gives each part its node and its type, or `None` after noting what is wrong with
//! it; its neighbours are still looked at, so one run finds all problems. The invariant: a problem is noted exactly
//! where `None` begins, so a program exists only if there was no problem.

mod call;
mod choice;
mod comparison;
mod literal;
mod operator;
mod refusal;

use std::ops::Range;

use datafusion_sql::sqlparser::ast::{Expr, Ident};

use super::column::Data;
use super::judge::Judge;
use super::kernel::Kernel;
use super::parse::{NESTING_MAX, Places};
use super::program::{Builder, Program};
use super::{Names, Problem};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::nearest;
use crate::value::Type;

/// Levels of this walk; chains of operators take none, casts of casts do.
const WALK_MAX: usize = 150;

/// Brackets are counted by the parser's limits, not by this one.
const _: () = assert!(NESTING_MAX < WALK_MAX);

/// Characters of the author's text quoted in a message.
const QUOTED_CHARS_MAX: usize = 40;

/// A part of the expression that is fine.
#[derive(Clone, Debug)]
struct Typed {
    /// Its node; `None` for NULL, which takes the type its neighbours need.
    node: Option<usize>,
    span: Range<usize>,
}

struct Lowering<'a> {
    places: &'a Places<'a>,
    names: &'a Names<'a>,
    builder: Builder<'a>,
    judge: Judge,
    problems: Vec<Problem>,
    depth: usize,
}

/// Lowers a whole expression.
pub(super) fn lower(
    places: &Places<'_>,
    tree: Expr,
    names: &Names<'_>,
) -> Result<Program, Vec<Problem>> {
    let mut lowering = Lowering {
        places,
        names,
        builder: Builder::new(names.columns, names.lists),
        judge: Judge::new(),
        problems: Vec::new(),
        depth: 0,
    };
    let root = lowering.expr(tree).and_then(|root| {
        if root.node.is_none() {
            let message = "NULL alone has no type".to_owned();
            let _: Option<()> = lowering.mismatch(
                root.span,
                message,
                Some("write CAST(NULL AS bool)".to_owned()),
            );
        }
        root.node
    });
    let mut problems = lowering.problems;
    problems.sort_by_key(|problem| problem.span.start);
    problems.dedup();
    match root {
        Some(root) if problems.is_empty() => Ok(lowering.builder.finish(root)),
        _ => Err(problems),
    }
}

impl Lowering<'_> {
    /// Any part. Recursion is bounded by [`WALK_MAX`] and, for brackets, by the limits of the parser.
    fn expr(&mut self, expr: Expr) -> Option<Typed> {
        if self.depth >= WALK_MAX {
            let span = self.places.whole();
            let message = "the expression is nested too deeply".to_owned();
            let help = Some("split it with `let`".to_owned());
            return self.problem(Code::ExpressionTooLarge, span, message, help);
        }
        self.depth += 1;
        let typed = match expr {
            Expr::BinaryOp { .. } => self.chain(expr),
            Expr::Nested(inner) => {
                let mut typed = self.expr(*inner);
                if let Some(typed) = &mut typed {
                    typed.span = self.places.bracketed(typed.span.clone());
                }
                typed
            }
            Expr::Identifier(ident) => self.name(std::slice::from_ref(&ident)),
            Expr::CompoundIdentifier(parts) => self.name(&parts),
            Expr::Value(value) => self.value(value),
            Expr::TypedString(string) => self.typed_string(string),
            Expr::Case { .. } => self.case(expr),
            Expr::Cast { .. } => self.cast(expr),
            Expr::Function(function) => self.function(function),
            Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Extract { .. } => self.function_syntax(expr),
            other => self.operator(other),
        };
        self.depth -= 1;
        typed
    }

    fn is_column(&self, name: &str) -> bool {
        self.names.columns.iter().any(|column| column.name == name)
    }

    fn name(&mut self, parts: &[Ident]) -> Option<Typed> {
        let written: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
        let name = written.join(".");
        let spans = parts.iter().map(|part| self.places.range(part.span));
        let span = spans.reduce(|a, b| a.start..b.end).unwrap_or(0..0);
        let columns = self.names.columns;
        let quoted = parts.iter().any(|part| part.quote_style.is_some());
        let found = columns
            .iter()
            .position(|column| column.name == name)
            .or_else(|| {
                let folded = name.to_lowercase();
                columns
                    .iter()
                    .position(|column| !quoted && column.name == folded)
            });
        if let Some(at) = found {
            let ty = columns.get(at)?.ty;
            let node = self.builder.push(Kernel::Column(at), Vec::new(), ty);
            return Some(Typed {
                node: Some(node),
                span,
            });
        }
        let known = columns.iter().map(|column| column.name.as_str());
        let members: Vec<&str> = known
            .clone()
            .filter(|known| {
                known
                    .strip_prefix(&name)
                    .is_some_and(|rest| rest.starts_with('.'))
            })
            .collect();
        let help = match nearest(&name, known) {
            _ if !members.is_empty() => Some(format!("it has the members {}", members.join(", "))),
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if quoted => Some(format!("text is written in single quotes: '{name}'")),
            None => None,
        };
        let message = format!("unknown name `{}`", shortened(&name));
        self.problem(Code::UnknownName, span, message, help)
    }

    /// Notes a problem; the part is lost.
    fn problem<T>(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Option<T> {
        self.problems.push(Problem {
            code,
            span,
            message,
            help,
        });
        None
    }

    fn mismatch<T>(
        &mut self,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Option<T> {
        self.problem(Code::TypeMismatch, span, message, help)
    }

    fn not_allowed<T>(&mut self, span: Range<usize>, what: &str, help: Option<&str>) -> Option<T> {
        let message = format!("{what} is not allowed in an expression");
        self.problem(Code::NotAllowed, span, message, help.map(str::to_owned))
    }

    /// A node over nodes, if DataFusion agrees with the type we give it.
    fn node(
        &mut self,
        shape: &str,
        kernel: Kernel,
        args: Vec<usize>,
        ty: Type,
        span: Range<usize>,
    ) -> Option<Typed> {
        let operands: Vec<Type> = args.iter().map(|arg| self.builder.ty(*arg)).collect();
        if !self.judge.agrees(shape, &operands, ty) {
            let types: Vec<String> = operands.iter().map(|ty| ty.name()).collect();
            let message = format!(
                "`{}` does not take {}",
                self.quote(&span),
                types.join(" and ")
            );
            return self.mismatch(span, message, None);
        }
        let node = self.builder.push(kernel, args, ty);
        Some(Typed {
            node: Some(node),
            span,
        })
    }

    /// A node whose types leave nothing to ask.
    fn plain(&mut self, kernel: Kernel, args: Vec<usize>, ty: Type, span: Range<usize>) -> Typed {
        Typed {
            node: Some(self.builder.push(kernel, args, ty)),
            span,
        }
    }

    fn ty(&self, typed: &Typed) -> Option<Type> {
        typed.node.map(|node| self.builder.ty(node))
    }

    /// The node of a part as another type of number; NULL becomes a null of that type.
    fn as_type(&mut self, typed: &Typed, to: Type) -> usize {
        let Some(node) = typed.node else {
            let nothing = Kernel::Constant(Data::nothing(to, 1));
            return self.builder.push(nothing, Vec::new(), to);
        };
        match (self.builder.ty(node), to) {
            (from, to) if from == to => node,
            (_, Type::Float) => self.builder.push(Kernel::ToFloat, vec![node], to),
            (_, Type::Decimal(scale)) => self.builder.push(Kernel::Rescale(scale), vec![node], to),
            _ => node,
        }
    }

    /// What the author wrote there, for a message.
    fn quote(&self, span: &Range<usize>) -> String {
        let text = self.places.text.get(span.clone()).unwrap_or_default();
        shortened(text)
    }

    /// `amount_usd is decimal`.
    fn describe(&self, typed: &Typed) -> String {
        let ty = self.ty(typed).map_or_else(|| "NULL".to_owned(), Type::name);
        format!("{} is {ty}", self.quote(&typed.span))
    }
}

/// Text of the author's on one short line.
fn shortened(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= QUOTED_CHARS_MAX {
        return line;
    }
    let head: String = line.chars().take(QUOTED_CHARS_MAX - 1).collect();
    format!("{head}…")
}

/// The type both go together in, if they do: ints widen to decimals, both to floats.
fn common(a: Type, b: Type) -> Option<Type> {
    use Type::{Decimal, Float, Int};
    Some(match (a, b) {
        (a, b) if a == b => a,
        (Decimal(a), Decimal(b)) => Decimal(a.max(b)),
        (Int, Decimal(scale)) | (Decimal(scale), Int) => Decimal(scale),
        (Float, Int | Decimal(_)) | (Int | Decimal(_), Float) => Float,
        _ => return None,
    })
}

fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal(_) | Type::Float)
}
