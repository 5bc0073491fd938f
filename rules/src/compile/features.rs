//! Checks `features:` and gives each its columns.
//!
//! The idea: a feature's expressions see the fields of an event and nothing else, so its state is a fold over events alone.
//! The invariant: a feature that is wrong anywhere counts as broken and has no columns.

use std::collections::BTreeMap;

use super::Checker;
use super::groups::Groups;
use super::names::shown;
use super::sql::Source;
use crate::aggregate::Aggregate;
use crate::definition::{FeatureDefinition, Text};
use crate::diagnostic::Code;
use crate::expression::Program;
use crate::list::Lists;
use crate::ruleset::{Column, Feature, Group, Scope};
use crate::schema::Schema;
use crate::value::Type;
use crate::window::Window;

/// Fields a key may have.
const KEY_MAX: usize = 8;

/// A feature whose parts are right by themselves.
pub(super) struct Parts {
    pub(super) key: Vec<usize>,
    pub(super) aggregate: Aggregate,
    pub(super) args: Vec<Program>,
    pub(super) filter: Option<Program>,
    pub(super) window: Window,
    pub(super) scope: Scope,
}

impl Checker<'_> {
    pub(super) fn features(
        &mut self,
        written: &[FeatureDefinition],
        schema: &Schema,
        lists: &Lists,
    ) -> (Vec<Feature>, Vec<Group>) {
        self.feature_names_are_free(written, schema);
        let names: Vec<&str> = written
            .iter()
            .map(|feature| feature.name.text.as_str())
            .filter(|name| schema.fields.iter().all(|field| field.name != *name))
            .collect();
        let mut groups = Groups::default();
        let mut features = Vec::new();
        for feature in written {
            match self.feature(feature, schema, &names) {
                Some((parts, members)) => {
                    let placed =
                        groups.place(parts, schema, lists, &feature.name.text, features.len());
                    features.push(Feature {
                        column: self.columns.len(),
                        members: members.len(),
                        ..placed
                    });
                    self.columns.extend(members);
                }
                None => {
                    self.broken.insert(feature.name.text.clone());
                }
            }
        }
        (features, groups.finish())
    }

    fn feature_names_are_free(&mut self, written: &[FeatureDefinition], schema: &Schema) {
        for feature in written {
            let name = &feature.name;
            self.word(name, "a feature");
            if schema.fields.iter().any(|field| field.name == name.text) {
                let message = format!("`{}` is a field already", name.text);
                self.findings
                    .error(Code::DuplicateName, name.span.clone(), message);
            }
        }
    }

    fn feature(
        &mut self,
        written: &FeatureDefinition,
        schema: &Schema,
        names: &[&str],
    ) -> Option<(Parts, Vec<Column>)> {
        let key = written.by.as_ref().and_then(|by| self.key(by, schema));
        let aggregate = written
            .agg
            .as_ref()
            .and_then(|agg| self.aggregate_of(agg, names));
        let window = written.over.as_ref().and_then(|over| self.window(over));
        let filter = written.filter.as_ref().map(|text| self.filter(text, names));
        let scope = match &written.scope {
            None => Some(Scope::WithCurrent),
            Some(text) => self
                .one_of(text, "`scope`", &["with_current", "prior"])
                .map(|word| {
                    if word == "prior" {
                        Scope::Prior
                    } else {
                        Scope::WithCurrent
                    }
                }),
        };
        let (aggregate, args) = aggregate?;
        let agg = written.agg.as_ref()?;
        let members = self.members(&written.name, agg, (aggregate, window), &args);
        let filter = match filter {
            None => None,
            Some(filter) => Some(filter?),
        };
        let arguments = args.iter().map(|(_, program)| program);
        let agg_cost = arguments.map(Program::cost).fold(0, u64::saturating_add);
        let filter_cost = filter.as_ref().map_or(0, Program::cost);
        let costs = [("agg", agg_cost), ("where", filter_cost)];
        self.within_budget(
            "feature",
            written.name.span.clone(),
            costs.map(|(name, cost)| (name.to_owned(), cost)),
        );
        let parts = Parts {
            key: key?,
            aggregate,
            args: args.into_iter().map(|(_, program)| program).collect(),
            filter,
            window: window?,
            scope: scope?,
        };
        Some((parts, members?))
    }

    /// The key's fields, ascending: `[a, b]` and `[b, a]` are one key.
    fn key(&mut self, by: &[Text], schema: &Schema) -> Option<Vec<usize>> {
        let mut key = Vec::new();
        let mut good = by.len() <= KEY_MAX;
        if let Some(text) = by.get(KEY_MAX) {
            let message = format!("a key has at most {KEY_MAX} fields");
            self.findings
                .error(Code::TooLarge, text.span.clone(), message);
        }
        for text in by.iter().take(KEY_MAX) {
            match self.field_named(text, schema) {
                Some(index) => {
                    good &= self.key_field(text, index, schema, &key);
                    key.push(index);
                }
                None => good = false,
            }
        }
        key.sort_unstable();
        good.then_some(key)
    }

    fn key_field(&mut self, text: &Text, index: usize, schema: &Schema, so_far: &[usize]) -> bool {
        let Some(field) = schema.fields.get(index) else {
            return false;
        };
        if self.broken.contains(&field.name) {
            return false;
        }
        let span = text.span.clone();
        if so_far.contains(&index) {
            let message = format!("`{}` is in this key twice", field.name);
            self.findings.error(Code::DuplicateName, span, message);
            return false;
        }
        if field.ty == Type::Float {
            let message = format!(
                "`{}` is a float, and floats that look equal are not",
                field.name
            );
            let help = "key by a text, an int or a decimal".to_owned();
            self.findings
                .error(Code::TypeMismatch, span, message)
                .help(help);
            return false;
        }
        if index == schema.id || index == schema.time {
            let message = format!(
                "`{}` is different for every event, so is this key",
                field.name
            );
            let help =
                "the feature sees one event per key and its state grows with the stream".to_owned();
            self.findings
                .warning(Code::UnboundedKey, span, message)
                .help(help);
        }
        true
    }

    /// The function and its compiled arguments, each with its text.
    fn aggregate_of<'t>(
        &mut self,
        agg: &'t Text,
        names: &[&str],
    ) -> Option<(Aggregate, Vec<(Source<'t>, Program)>)> {
        let (aggregate, parts) = self.aggregate(agg)?;
        let count = parts.len();
        let compiled: Vec<_> = parts
            .into_iter()
            .map(|part| Source::part(agg, part))
            .filter_map(|source| Some((source, self.over_fields(source, names)?)))
            .collect();
        (compiled.len() == count).then_some((aggregate, compiled))
    }

    /// Compiles over the fields of an event; a feature named here is told apart from a name nobody knows.
    fn over_fields(&mut self, source: Source<'_>, names: &[&str]) -> Option<Program> {
        let words = source.words();
        let heads = |word: &super::words::Word| {
            let name = word.of(source.text);
            name.split('.').next().unwrap_or(name).to_owned()
        };
        let feature = words
            .iter()
            .filter(|word| word.kind == super::words::Kind::Name)
            .find(|word| names.contains(&heads(word).as_str()));
        if let Some(word) = feature {
            let place = self.place(source, &word.range);
            let message = format!(
                "`{}` is a feature, and a feature is computed from fields of events",
                heads(word)
            );
            let help = "combine features in a rule's `let` or `when`".to_owned();
            self.findings
                .error(Code::UnknownName, place, message)
                .help(help);
            return None;
        }
        self.expression(source, self.fields, &BTreeMap::new())
    }

    fn filter(&mut self, text: &Text, names: &[&str]) -> Option<Program> {
        let source = Source::all(text);
        let program = self.over_fields(source, names)?;
        self.is_truth(source, &program, "`where`")
            .then_some(program)
    }

    /// Whether a condition is true or false; another type is noted.
    pub(super) fn is_truth(&mut self, source: Source<'_>, program: &Program, what: &str) -> bool {
        let good = program.ty() == Type::Bool;
        if !good {
            let place = self.place(source, &(0..source.text.len()));
            let message = format!("{what} is true or false, this is {}", program.ty().name());
            let help = "compare it with something".to_owned();
            self.findings
                .error(Code::TypeMismatch, place, message)
                .help(help);
        }
        good
    }

    /// The columns a feature has: one, or one per column that `first` or `last` takes.
    fn members(
        &mut self,
        name: &Text,
        agg: &Text,
        (aggregate, window): (Aggregate, Option<Window>),
        args: &[(Source<'_>, Program)],
    ) -> Option<Vec<Column>> {
        let types: Vec<Type> = args.iter().map(|(_, program)| program.ty()).collect();
        let Some(results) = aggregate.result(&types) else {
            self.wrong_arguments(agg, aggregate, &types);
            return None;
        };
        let results = match window {
            None => results,
            Some(window) => match aggregate.result_over(window, &types) {
                Some(results) => results,
                None => {
                    self.means_nothing(agg, aggregate, window);
                    return None;
                }
            },
        };
        self.keeps_secrets(aggregate, args);
        if results.len() == 1 {
            let column = |ty| Column {
                name: name.text.clone(),
                ty,
            };
            return Some(results.into_iter().map(column).collect());
        }
        let mut members: Vec<Column> = Vec::new();
        for ((source, _), ty) in args.iter().zip(results) {
            let column = Column {
                name: format!("{}.{}", name.text, source.text),
                ty,
            };
            let plain = self
                .columns
                .iter()
                .take(self.fields)
                .any(|field| field.name == source.text);
            if !plain || members.iter().any(|member| member.name == column.name) {
                let message = format!("{} cannot name a value of this feature", shown(source.text));
                let help = "with several arguments each is a different field".to_owned();
                let place = self.place(*source, &(0..source.text.len()));
                self.findings
                    .error(Code::BadAggregate, place, message)
                    .help(help);
                return None;
            }
            members.push(column);
        }
        Some(members)
    }

    fn wrong_arguments(&mut self, agg: &Text, aggregate: Aggregate, types: &[Type]) {
        let given = match types {
            [] => "nothing".to_owned(),
            _ => types
                .iter()
                .map(|ty| ty.name())
                .collect::<Vec<_>>()
                .join(", "),
        };
        let takes = match aggregate {
            Aggregate::Count => "nothing or one value",
            Aggregate::Rate => "nothing or one number",
            Aggregate::CountDistinct | Aggregate::Mode | Aggregate::TopK { .. } => "one value",
            Aggregate::Sum
            | Aggregate::Avg
            | Aggregate::VarPop
            | Aggregate::VarSamp
            | Aggregate::StddevPop
            | Aggregate::StddevSamp
            | Aggregate::Quantile { .. }
            | Aggregate::Median
            | Aggregate::Ewma { .. } => "one number",
            Aggregate::Min | Aggregate::Max => "one value that is no bool",
            Aggregate::First | Aggregate::Last => "one field or several",
            Aggregate::Ratio => "one condition",
        };
        let message = format!("`{}` takes {takes}, not {given}", aggregate.name());
        self.findings
            .error(Code::TypeMismatch, agg.span.clone(), message);
    }

    /// A function and a window that say nothing together.
    fn means_nothing(&mut self, agg: &Text, aggregate: Aggregate, window: Window) {
        let form = window.form().name;
        let message = format!(
            "`{}` means nothing over a `{form}` window",
            aggregate.name()
        );
        let help = match window {
            Window::Decay { .. } => {
                let all = Aggregate::ALL.into_iter();
                let names: Vec<_> = all.filter(|a| a.means_over(window)).collect();
                let names = names.into_iter().map(Aggregate::name);
                let names = names.collect::<Vec<_>>().join(", ");
                format!("events that weigh less and less have {names}")
            }
            _ => "it has no length to divide by; write one, such as `over: 30d`".to_owned(),
        };
        self.findings
            .error(Code::BadAggregate, agg.span.clone(), message)
            .help(help);
    }

    /// A value of one event that a feature keeps comes out in decisions; counts of it do not tell it.
    fn keeps_secrets(&mut self, aggregate: Aggregate, args: &[(Source<'_>, Program)]) {
        if matches!(
            aggregate,
            Aggregate::Count | Aggregate::CountDistinct | Aggregate::Ratio
        ) {
            return;
        }
        for (source, program) in args {
            if program
                .reads()
                .iter()
                .any(|read| self.sensitive.contains(read))
            {
                let place = self.place(*source, &(0..source.text.len()));
                let message = format!(
                    "`{}` of a sensitive field would show it in decisions",
                    aggregate.name()
                );
                let help = "count it, or count its distinct values".to_owned();
                self.findings
                    .error(Code::SensitiveField, place, message)
                    .help(help);
            }
        }
    }
}
