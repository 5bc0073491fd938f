//! The SQL an expression may not hold, by name, and what to write instead.

use datafusion_sql::sqlparser::ast::Expr;

/// What a refused kind of SQL is called, and what to do instead.
pub(super) fn refusal(expr: &Expr) -> (&'static str, Option<&'static str>) {
    const FEATURE: Option<&str> = Some("declare a feature, and name it here");
    match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } => ("a subquery", FEATURE),
        Expr::Exists { .. } => ("EXISTS", FEATURE),
        Expr::AnyOp { .. } | Expr::AllOp { .. } => ("ANY or ALL", Some("use IN (…)")),
        Expr::Interval(_) => ("an INTERVAL", Some("use seconds_between(a, b)")),
        Expr::Array(_) | Expr::InUnnest { .. } | Expr::CompoundFieldAccess { .. } => {
            ("an array", None)
        }
        Expr::Tuple(_) => ("a list of values", Some("write x IN (1, 2, 3)")),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            ("this kind of match", Some("use regexp_like(x, 'pattern')"))
        }
        Expr::AtTimeZone { .. } => ("AT TIME ZONE", Some("timestamps are UTC")),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => ("`*`", None),
        Expr::Like { .. } | Expr::ILike { .. } => ("LIKE ANY", Some("write several LIKE with OR")),
        Expr::Collate { .. } => ("COLLATE", None),
        Expr::Lambda(_) => ("a lambda", None),
        Expr::JsonAccess { .. } => (
            "access to JSON",
            Some("give the field a `from` in the schema"),
        ),
        _ => ("this kind of SQL", None),
    }
}
