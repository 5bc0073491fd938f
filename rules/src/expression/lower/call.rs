//! Function calls: which function, how many arguments, of which types.

use std::ops::Range;

use arrow::array::Array;
use datafusion_sql::sqlparser::ast::{
    CeilFloorKind, DateTimeField, Expr, Function as SqlFunction, FunctionArg, FunctionArgExpr,
    FunctionArguments, Spanned as _,
};

use super::super::column::Data;
use super::super::function::{self, Call, Function};
use super::super::kernel::{Comparison, Kernel, Numeric, Part, Pattern, TextFunction};
use super::{Lowering, Typed, is_number};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::nearest;
use crate::value::Type;

impl Lowering<'_> {
    pub(super) fn function(&mut self, call: SqlFunction) -> Option<Typed> {
        let name = call.name.to_string();
        let span = self.places.range(call.name.span());
        if let ([part], FunctionArguments::None) = (call.name.0.as_slice(), &call.args) {
            // `user` and the like are functions without brackets to the parser, and may well be fields.
            let ident = part.as_ident().filter(|ident| self.is_column(&ident.value));
            if let Some(ident) = ident {
                return self.name(std::slice::from_ref(ident));
            }
        }
        let known = self.callee(&name, &span);
        let plain = call.over.is_none()
            && call.filter.is_none()
            && call.null_treatment.is_none()
            && call.within_group.is_empty()
            && !call.uses_odbc_syntax
            && matches!(call.parameters, FunctionArguments::None);
        let mut args = Vec::new();
        let mut refused = !plain;
        match call.args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(_) => refused = true,
            FunctionArguments::List(list) => {
                refused |= list.duplicate_treatment.is_some() || !list.clauses.is_empty();
                for arg in list.args {
                    match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => args.push(arg),
                        _ => refused = true,
                    }
                }
            }
        }
        let known = known?;
        if refused {
            let what = format!("`{}` with anything but plain arguments", known.name);
            return self.not_allowed(span, &what, Some(known.signature));
        }
        self.call(known, args, span)
    }

    /// Functions that SQL gives a syntax of their own.
    pub(super) fn function_syntax(&mut self, expr: Expr) -> Option<Typed> {
        let span = self.places.range(expr.span());
        let (name, args) = match expr {
            Expr::Ceil {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => ("ceil", vec![*expr]),
            Expr::Floor {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => ("floor", vec![*expr]),
            Expr::Trim {
                expr,
                trim_where: None,
                trim_what: None,
                trim_characters: None,
            } => ("trim", vec![*expr]),
            Expr::Substring {
                expr,
                substring_from: Some(from),
                substring_for,
                ..
            } => {
                let length = substring_for.map(|length| *length);
                let args = [*expr, *from].into_iter().chain(length).collect();
                ("substr", args)
            }
            Expr::Extract { field, expr, .. } => {
                let typed = self.expr(*expr)?;
                return self.date_part("EXTRACT", &field.to_string(), &span, &typed);
            }
            _ => return self.not_allowed(span, "this form of a function", None),
        };
        let known = function::find(name)?;
        self.call(known, args, span)
    }

    /// The function of this name, or a problem that says what to do instead.
    fn callee(&mut self, name: &str, span: &Range<usize>) -> Option<&'static Function> {
        if let Some(known) = function::find(name) {
            return Some(known);
        }
        let lower = name.to_ascii_lowercase();
        let is = |names: &[&str]| names.contains(&lower.as_str());
        let span = span.clone();
        let shown = super::shortened(name);
        if is(function::AGGREGATES) {
            let help = "declare a feature with this `agg`, and name it here";
            return self.not_allowed(span, &format!("the aggregate `{shown}`"), Some(help));
        }
        if is(function::WINDOWS) {
            let help = "declare a feature, and name it here";
            return self.not_allowed(span, &format!("the window function `{shown}`"), Some(help));
        }
        if is(function::UNREPEATABLE) {
            let help = "a replay must give the same answer: use the event's own time and fields";
            return self.not_allowed(span, &format!("`{shown}`"), Some(help));
        }
        let names = function::ALL.iter().map(|known| known.name);
        let help = nearest(name, names).map_or_else(
            || "`tollgate list functions` names them all".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.problem(
            Code::UnknownFunction,
            span,
            format!("unknown function `{shown}`"),
            Some(help),
        )
    }

    fn call(
        &mut self,
        known: &'static Function,
        args: Vec<Expr>,
        span: Range<usize>,
    ) -> Option<Typed> {
        let given = args.len();
        let args: Vec<Option<Typed>> = args.into_iter().map(|arg| self.expr(arg)).collect();
        if !known.arguments.contains(&given) {
            let (least, most) = (*known.arguments.start(), *known.arguments.end());
            let takes = match most {
                usize::MAX => format!("at least {least}"),
                most if most == least => least.to_string(),
                most => format!("{least} to {most}"),
            };
            let plural = if least == 1 && most != 2 { "" } else { "s" };
            let message = format!(
                "`{}` takes {takes} argument{plural}, not {given}",
                known.name
            );
            return self.problem(
                Code::WrongArguments,
                span,
                message,
                Some(known.signature.to_owned()),
            );
        }
        let args: Vec<Typed> = args.into_iter().collect::<Option<_>>()?;
        let end = args.last().map_or(span.end, |last| last.span.end);
        let whole = span.start..self.places.closed(end);
        self.apply(known, &args, whole)
    }

    fn apply(&mut self, known: &Function, args: &[Typed], span: Range<usize>) -> Option<Typed> {
        let (kernel, nodes, ty) = match (known.call, args) {
            (Call::Abs, _) => self.same_number(known, args, Kernel::Numeric(Numeric::Abs))?,
            (Call::Floor, _) => self.same_number(known, args, Kernel::Numeric(Numeric::Floor))?,
            (Call::Ceil, _) => self.same_number(known, args, Kernel::Numeric(Numeric::Ceil))?,
            (Call::Round, [x, rest @ ..]) => {
                let digits = match rest.first() {
                    Some(digits) => self.constant_digits(digits)?,
                    None => 0,
                };
                self.same_number(known, std::slice::from_ref(x), Kernel::Round(digits))?
            }
            (Call::Sqrt, _) => self.floats(known, args, Kernel::Numeric(Numeric::Sqrt))?,
            (Call::Ln, _) => self.floats(known, args, Kernel::Numeric(Numeric::Ln))?,
            (Call::Exp, _) => self.floats(known, args, Kernel::Numeric(Numeric::Exp))?,
            (Call::Power, _) => self.floats(known, args, Kernel::Power)?,
            (Call::GeoKm, _) => self.floats(known, args, Kernel::GeoKm)?,
            (Call::Greatest, _) => self.alike(known, args, Kernel::Greatest)?,
            (Call::Least, _) => self.alike(known, args, Kernel::Least)?,
            (Call::Coalesce, _) => self.alike(known, args, Kernel::Coalesce)?,
            (Call::NullIf, [x, y]) => return self.null_if(x, y, span),
            (Call::Lower, _) => {
                self.texts(known, args, Kernel::Text(TextFunction::Lower), Type::Text)?
            }
            (Call::Upper, _) => {
                self.texts(known, args, Kernel::Text(TextFunction::Upper), Type::Text)?
            }
            (Call::Trim, _) => {
                self.texts(known, args, Kernel::Text(TextFunction::Trim), Type::Text)?
            }
            (Call::Length, _) => {
                self.texts(known, args, Kernel::Text(TextFunction::Length), Type::Int)?
            }
            (Call::Concat, _) => self.texts(known, args, Kernel::Concat(true), Type::Text)?,
            (Call::StartsWith, _) => self.texts(known, args, Kernel::StartsWith, Type::Bool)?,
            (Call::Substring, [x, rest @ ..]) => {
                let mut nodes = vec![self.text(x, known.name)];
                for position in rest {
                    nodes.push(self.of_type(position, Type::Int, known));
                }
                let nodes = nodes.into_iter().collect::<Option<_>>()?;
                (Kernel::Substring, nodes, Type::Text)
            }
            (Call::RegexpLike, [x, pattern]) => {
                let arg = self.text(x, known.name);
                let written = self.constant_text(pattern, "the pattern of regexp_like")?;
                let compiled = self.compiled(Pattern::regex(&written), &pattern.span)?;
                (Kernel::Matches(compiled), vec![arg?], Type::Bool)
            }
            (Call::InList, [x, list]) => {
                let arg = self.text(x, known.name);
                let list = self.list(list)?;
                (Kernel::InList(list), vec![arg?], Type::Bool)
            }
            (Call::DatePart, [part, x]) => {
                let name = self.constant_text(part, "the part of date_part")?;
                return self.date_part(known.name, &name, &part.span, x);
            }
            (Call::Hour, [x]) => return self.date_part(known.name, "hour", &span, x),
            (Call::Dow, [x]) => return self.date_part(known.name, "dow", &span, x),
            (Call::SecondsBetween, [from, to]) => {
                let nodes = [from, to].map(|x| self.of_type(x, Type::Timestamp, known));
                let nodes = nodes.into_iter().collect::<Option<_>>()?;
                (Kernel::SecondsBetween, nodes, Type::Float)
            }
            _ => return None,
        };
        self.judged(known.name, kernel, nodes, ty, span)
    }

    /// A call DataFusion has planned: its last argument tells it the type of the result.
    fn judged(
        &mut self,
        name: &str,
        kernel: Kernel,
        nodes: Vec<usize>,
        ty: Type,
        span: Range<usize>,
    ) -> Option<Typed> {
        // The syntax of its own that SQL gives some functions is no matter here: a quoted name is a plain call.
        let args: Vec<String> = (0..nodes.len()).map(|at| format!("a{at}, ")).collect();
        let shape = format!("\"{name}\"({}result)", args.concat());
        self.node(&shape, kernel, nodes, ty, span)
    }

    fn same_number(
        &mut self,
        known: &Function,
        args: &[Typed],
        kernel: Kernel,
    ) -> Option<(Kernel, Vec<usize>, Type)> {
        let x = args.first()?;
        let ty = self.ty(x).unwrap_or(Type::Int);
        let node = self.number_as(x, ty, known)?;
        Some((kernel, vec![node], ty))
    }

    fn floats(
        &mut self,
        known: &Function,
        args: &[Typed],
        kernel: Kernel,
    ) -> Option<(Kernel, Vec<usize>, Type)> {
        let nodes: Vec<Option<usize>> = args
            .iter()
            .map(|arg| self.number_as(arg, Type::Float, known))
            .collect();
        Some((
            kernel,
            nodes.into_iter().collect::<Option<_>>()?,
            Type::Float,
        ))
    }

    fn texts(
        &mut self,
        known: &Function,
        args: &[Typed],
        kernel: Kernel,
        ty: Type,
    ) -> Option<(Kernel, Vec<usize>, Type)> {
        let nodes: Vec<Option<usize>> = args.iter().map(|arg| self.text(arg, known.name)).collect();
        Some((kernel, nodes.into_iter().collect::<Option<_>>()?, ty))
    }

    fn alike(
        &mut self,
        known: &Function,
        args: &[Typed],
        kernel: Kernel,
    ) -> Option<(Kernel, Vec<usize>, Type)> {
        let ty = self.same_type(args, &format!("the arguments of {}", known.name))?;
        if ty == Type::Bool && !matches!(kernel, Kernel::Coalesce) {
            let span = args.first()?.span.clone();
            let message = format!("{} has no meaning for bool", known.name);
            return self.mismatch(span, message, None);
        }
        let nodes = args.iter().map(|arg| self.as_type(arg, ty)).collect();
        Some((kernel, nodes, ty))
    }

    fn number_as(&mut self, x: &Typed, to: Type, known: &Function) -> Option<usize> {
        match self.ty(x) {
            Some(ty) if !is_number(ty) => {
                let message = format!("{}, but {} takes a number", self.describe(x), known.name);
                self.mismatch(x.span.clone(), message, None)
            }
            _ => Some(self.as_type(x, to)),
        }
    }

    fn of_type(&mut self, x: &Typed, to: Type, known: &Function) -> Option<usize> {
        match self.ty(x) {
            Some(ty) if ty != to => {
                let name = to.name();
                let message = format!("{}, but {} takes {name} here", self.describe(x), known.name);
                self.mismatch(x.span.clone(), message, Some(known.signature.to_owned()))
            }
            _ => Some(self.as_type(x, to)),
        }
    }

    fn constant_digits(&mut self, x: &Typed) -> Option<i32> {
        if let Some(Data::Int(array)) = x.node.and_then(|node| self.builder.constant(node))
            && array.is_valid(0)
        {
            let digits = array.value(0).clamp(-400, 400);
            return i32::try_from(digits).ok();
        }
        let message = format!(
            "the digits of round must be a whole number, not {}",
            self.quote(&x.span)
        );
        self.problem(Code::WrongArguments, x.span.clone(), message, None)
    }

    /// `CASE WHEN x = y THEN NULL ELSE x END`.
    fn null_if(&mut self, x: &Typed, y: &Typed, span: Range<usize>) -> Option<Typed> {
        let equal = self.compare(Comparison::Equal, "=", x, y)?.node?;
        let ty = self.ty(x).or(self.ty(y));
        let ty = match ty {
            Some(ty) => ty,
            None => self.same_type(&[x.clone(), y.clone()], "the arguments of nullif")?,
        };
        let null = Typed {
            node: None,
            span: span.clone(),
        };
        let args = vec![equal, self.as_type(&null, ty), self.as_type(x, ty)];
        Some(self.plain(Kernel::Case, args, ty, span))
    }

    fn date_part(
        &mut self,
        taker: &str,
        name: &str,
        at: &Range<usize>,
        x: &Typed,
    ) -> Option<Typed> {
        let arg = match self.ty(x) {
            None | Some(Type::Timestamp) => Some(self.as_type(x, Type::Timestamp)),
            Some(_) => {
                let message = format!("{}, but {taker} takes timestamp", self.describe(x));
                self.mismatch(x.span.clone(), message, None)
            }
        };
        let Some(part) = Part::named(name) else {
            let names = Part::ALL.iter().map(|(name, _)| *name);
            let help = match nearest(name, names.clone()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("it has {}", names.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("a timestamp has no part `{}`", super::shortened(name));
            return self.problem(Code::WrongArguments, at.clone(), message, Some(help));
        };
        let span = at.start.min(x.span.start)..self.places.closed(x.span.end);
        self.judged(
            "date_part",
            Kernel::DatePart(part),
            vec![arg?],
            Type::Int,
            span,
        )
    }
}
