//! Random trees, well typed by construction, and their text.

use super::{COLUMNS, Cell, Kind, Tree};
use crate::dice::Dice;

fn number(dice: &mut Dice) -> Kind {
    dice.of(&[Kind::Int, Kind::Int, Kind::Decimal(2), Kind::Float])
}

pub(super) fn tree(dice: &mut Dice, kind: Kind, depth: usize) -> Tree {
    if depth == 0 || dice.below(6) == 0 {
        return leaf(dice, kind);
    }
    let below = depth - 1;
    let boxed = |dice: &mut Dice, kind| Box::new(tree(dice, kind, below));
    if dice.below(7) == 0 {
        return branch(dice, kind, below);
    }
    match kind {
        Kind::Int => match dice.below(8) {
            0..=4 => {
                let op = dice.of(&["+", "-", "*", "/", "%"]);
                Tree::Infix(op, boxed(dice, Kind::Int), boxed(dice, Kind::Int))
            }
            5 => Tree::Prefix("-", boxed(dice, Kind::Int)),
            6 => Tree::Call(
                dice.of(&["abs", "floor", "ceil"]),
                vec![tree(dice, Kind::Int, below)],
            ),
            _ => {
                let from = dice.of(&[Kind::Text, Kind::Decimal(2), Kind::Bool]);
                Tree::Cast(boxed(dice, from), "int", Kind::Int)
            }
        },
        Kind::Decimal(_) => match dice.below(6) {
            0..=2 => {
                let other = dice.of(&[Kind::Int, Kind::Decimal(2)]);
                let op = dice.of(&["+", "-", "*", "%"]);
                Tree::Infix(op, boxed(dice, Kind::Decimal(2)), boxed(dice, other))
            }
            3 => Tree::Call(
                dice.of(&["abs", "floor", "ceil", "round"]),
                vec![tree(dice, Kind::Decimal(2), below)],
            ),
            4 => Tree::Prefix("-", boxed(dice, Kind::Decimal(2))),
            _ => {
                let from = dice.of(&[Kind::Text, Kind::Int]);
                Tree::Cast(boxed(dice, from), "decimal(10, 3)", Kind::Decimal(3))
            }
        },
        Kind::Float => {
            let (a, b) = (number(dice), number(dice));
            match dice.below(5) {
                0..=2 => Tree::Infix(
                    dice.of(&["+", "-", "*", "/", "%"]),
                    boxed(dice, Kind::Float),
                    boxed(dice, a),
                ),
                3 => Tree::Infix("/", boxed(dice, Kind::Decimal(2)), boxed(dice, b)),
                _ => Tree::Call(
                    dice.of(&["sqrt", "abs", "floor"]),
                    vec![tree(dice, Kind::Float, below)],
                ),
            }
        }
        Kind::Text => match dice.below(4) {
            0 => Tree::Infix("||", boxed(dice, Kind::Text), boxed(dice, Kind::Text)),
            1 => Tree::Call(
                "concat",
                vec![tree(dice, Kind::Text, below), tree(dice, Kind::Text, below)],
            ),
            2 => Tree::Call(
                dice.of(&["lower", "upper"]),
                vec![tree(dice, Kind::Text, below)],
            ),
            _ => Tree::Cast(boxed(dice, Kind::Int), "text", Kind::Text),
        },
        Kind::Bool => {
            let (a, b) = (number(dice), number(dice));
            match dice.below(9) {
                0 | 1 => Tree::Infix(
                    dice.of(&["AND", "OR"]),
                    boxed(dice, Kind::Bool),
                    boxed(dice, Kind::Bool),
                ),
                2..=4 => {
                    let op = dice.of(&["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM"]);
                    Tree::Infix(op, boxed(dice, a), boxed(dice, b))
                }
                5 => Tree::Infix(
                    dice.of(&["=", "<", ">="]),
                    boxed(dice, Kind::Text),
                    boxed(dice, Kind::Text),
                ),
                6 => Tree::Prefix("NOT ", boxed(dice, Kind::Bool)),
                7 => {
                    let op = dice.of(&[
                        "IS TRUE",
                        "IS FALSE",
                        "IS NULL",
                        "IS NOT NULL",
                        "IS NOT TRUE",
                    ]);
                    Tree::Suffix(op, boxed(dice, Kind::Bool))
                }
                _ => {
                    let kind = dice.of(&[a, Kind::Text]);
                    let items = (0..=dice.below(3)).map(|_| leaf(dice, kind)).collect();
                    Tree::In(boxed(dice, kind), items, dice.below(2) == 0)
                }
            }
        }
    }
}

/// CASE, COALESCE and the like, of any kind.
fn branch(dice: &mut Dice, kind: Kind, below: usize) -> Tree {
    let one = |dice: &mut Dice| tree(dice, kind, below);
    match dice.below(3) {
        0 => {
            let whens = (0..=dice.below(2))
                .map(|_| (tree(dice, Kind::Bool, below), one(dice)))
                .collect();
            let otherwise = (dice.below(2) == 0).then(|| Box::new(one(dice)));
            Tree::Case(whens, otherwise)
        }
        1 if kind != Kind::Bool => {
            Tree::Call(dice.of(&["greatest", "least"]), vec![one(dice), one(dice)])
        }
        _ => Tree::Call("coalesce", vec![one(dice), one(dice)]),
    }
}

fn leaf(dice: &mut Dice, kind: Kind) -> Tree {
    let columns: Vec<usize> = (0..COLUMNS.len())
        .filter(|at| {
            let of = COLUMNS[*at].1;
            of == kind || matches!((of, kind), (Kind::Decimal(_), Kind::Decimal(_)))
        })
        .collect();
    if dice.below(3) > 0 {
        return Tree::Column(dice.of(&columns));
    }
    let (text, cell) = match kind {
        Kind::Int => {
            let x = dice.of(&[0i64, 1, 2, -3, 100]);
            (x.to_string(), Cell::Int(x))
        }
        Kind::Decimal(_) => dice.of(&[
            ("1.5".to_owned(), Cell::Decimal(15, 1)),
            ("0.00".to_owned(), Cell::Decimal(0, 2)),
            ("-2.345".to_owned(), Cell::Decimal(-2_345, 3)),
            ("7.0".to_owned(), Cell::Decimal(70, 1)),
        ]),
        Kind::Float => dice.of(&[
            ("1e0".to_owned(), Cell::Float(1.0)),
            ("25e-1".to_owned(), Cell::Float(2.5)),
            ("0e0".to_owned(), Cell::Float(0.0)),
        ]),
        Kind::Text => {
            let x = dice.of(&["a", "", "10"]);
            (format!("'{x}'"), Cell::Text(x.to_owned()))
        }
        Kind::Bool => {
            let x = dice.below(2) == 0;
            (x.to_string(), Cell::Bool(x))
        }
    };
    Tree::Literal(text, cell)
}

pub(super) fn write(tree: &Tree) -> String {
    let list = |items: &[Tree]| items.iter().map(write).collect::<Vec<_>>().join(", ");
    match tree {
        Tree::Column(at) => COLUMNS[*at].0.to_owned(),
        Tree::Literal(text, _) => text.clone(),
        Tree::Infix(op, x, y) => format!("({} {op} {})", write(x), write(y)),
        Tree::Prefix(op, x) => format!("({op}({}))", write(x)),
        Tree::Suffix(op, x) => format!("({} {op})", write(x)),
        Tree::Call(name, args) => format!("{name}({})", list(args)),
        // TRY_CAST, because a constant that cannot be cast is a mistake when CAST.
        Tree::Cast(x, to, _) => format!("TRY_CAST({} AS {to})", write(x)),
        Tree::In(x, items, not) => {
            format!(
                "({} {}IN ({}))",
                write(x),
                if *not { "NOT " } else { "" },
                list(items)
            )
        }
        Tree::Case(whens, otherwise) => {
            let whens: String = whens
                .iter()
                .map(|(test, result)| format!("WHEN {} THEN {} ", write(test), write(result)))
                .collect();
            let otherwise = otherwise.as_ref().map(|x| format!("ELSE {} ", write(x)));
            format!("(CASE {whens}{}END)", otherwise.unwrap_or_default())
        }
    }
}

/// The kind of a tree by the rules of the semantics.
pub(super) fn kind_of(tree: &Tree) -> Kind {
    match tree {
        Tree::Column(at) => COLUMNS[*at].1,
        Tree::Literal(_, cell) => match cell {
            Cell::Int(_) => Kind::Int,
            Cell::Decimal(_, scale) => Kind::Decimal(*scale),
            Cell::Float(_) => Kind::Float,
            Cell::Text(_) => Kind::Text,
            Cell::Bool(_) | Cell::Null => Kind::Bool,
        },
        Tree::Infix("||", ..) => Kind::Text,
        Tree::Infix("+" | "-" | "%", x, y) => wider(kind_of(x), kind_of(y)),
        Tree::Infix("*", x, y) => match (kind_of(x), kind_of(y)) {
            (Kind::Decimal(a), Kind::Decimal(b)) => Kind::Decimal((a + b).min(18)),
            (a, b) => wider(a, b),
        },
        Tree::Infix("/", x, y) => match (kind_of(x), kind_of(y)) {
            (Kind::Int, Kind::Int) => Kind::Int,
            _ => Kind::Float,
        },
        Tree::Infix(..) | Tree::Suffix(..) | Tree::In(..) => Kind::Bool,
        Tree::Prefix("NOT ", _) => Kind::Bool,
        Tree::Prefix(_, x) => kind_of(x),
        Tree::Call("sqrt", _) => Kind::Float,
        Tree::Call(_, args) => args.iter().map(kind_of).reduce(wider).unwrap(),
        Tree::Cast(_, _, to) => *to,
        Tree::Case(whens, otherwise) => {
            let results = whens
                .iter()
                .map(|(_, result)| result)
                .chain(otherwise.as_deref());
            results.map(kind_of).reduce(wider).unwrap()
        }
    }
}

pub(super) fn wider(a: Kind, b: Kind) -> Kind {
    match (a, b) {
        (Kind::Decimal(a), Kind::Decimal(b)) => Kind::Decimal(a.max(b)),
        (Kind::Float, _) | (_, Kind::Float) => Kind::Float,
        (Kind::Decimal(a), Kind::Int) | (Kind::Int, Kind::Decimal(a)) => Kind::Decimal(a),
        (a, _) => a,
    }
}

pub(super) fn kind_of_cell(cell: &Cell) -> Kind {
    match cell {
        Cell::Int(_) => Kind::Int,
        Cell::Decimal(_, scale) => Kind::Decimal(*scale),
        Cell::Float(_) => Kind::Float,
        Cell::Text(_) => Kind::Text,
        Cell::Bool(_) | Cell::Null => Kind::Bool,
    }
}
