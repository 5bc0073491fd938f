//! What DataFusion says about the types of one operation.
//!
//! The idea: each operation is planned by DataFusion over operands of the types found so far, and DataFusion's type
//! for it must be of the kind ours is. Node by node and not the whole tree at once, because our decimals keep within
//! 18 digits where DataFusion's grow with every product, because a refusal then has the place of that node, and
//! because DataFusion's own walks recurse. The invariant: our rules are stricter; what DataFusion refuses never runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{
    DFSchema, DataFusionError, Result, TableReference, not_impl_err, plan_err,
};
use datafusion_expr::planner::ContextProvider;
use datafusion_expr::{
    AggregateUDF, ColumnarValue, ExprSchemable, HigherOrderUDF, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TableSource, Volatility, WindowUDF,
};

use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::Parser;

use super::function;
use crate::value::Type;

/// Asks DataFusion, and remembers its answers.
pub(super) struct Judge {
    world: World,
    answers: RefCell<BTreeMap<String, bool>>,
}

impl Judge {
    pub(super) fn new() -> Judge {
        Judge {
            world: World,
            answers: RefCell::new(BTreeMap::new()),
        }
    }

    /// Whether DataFusion plans `shape`, SQL over `a0`, `a1`, …, for these operands, and gives it a type of the kind
    /// of `result`.
    pub(super) fn agrees(&self, shape: &str, operands: &[Type], result: Type) -> bool {
        let key = format!("{shape} {operands:?} {result:?}");
        if let Some(known) = self.answers.borrow().get(&key) {
            return *known;
        }
        let answer = self
            .plan(shape, operands, result)
            .is_ok_and(|ty| same_kind(&ty, result));
        self.answers.borrow_mut().insert(key, answer);
        answer
    }

    fn plan(&self, shape: &str, operands: &[Type], result: Type) -> Result<DataType> {
        let fields: Vec<Field> = operands
            .iter()
            .enumerate()
            .map(|(at, ty)| Field::new(format!("a{at}"), ty.arrow(), true))
            // Functions say their result by it, see `Stub`.
            .chain([Field::new("result", result.arrow(), true)])
            .collect();
        let schema = DFSchema::try_from(Schema::new(fields))?;
        let sql = Parser::new(&GenericDialect {})
            .try_with_sql(shape)
            .and_then(|mut parser| parser.parse_expr())
            .map_err(|error| DataFusionError::SQL(Box::new(error), None))?;
        let options = ParserOptions::new().with_parse_float_as_decimal(true);
        let planner = SqlToRel::new_with_options(&self.world, options);
        planner
            .sql_to_expr(sql, &schema, &mut PlannerContext::new())?
            .get_type(&schema)
    }
}

fn same_kind(theirs: &DataType, ours: Type) -> bool {
    match ours {
        Type::Bool => *theirs == DataType::Boolean,
        Type::Text => matches!(
            theirs,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ),
        Type::Timestamp => matches!(theirs, DataType::Timestamp(..)),
        Type::Int | Type::Float | Type::Decimal(_) => theirs.is_numeric(),
    }
}

/// All that DataFusion gets to see: our functions. No table, no file, no variable, no aggregate, no window function.
struct World;

/// Made once: it holds hundreds of settings, none of which matters here.
static OPTIONS: LazyLock<ConfigOptions> = LazyLock::new(ConfigOptions::default);

impl ContextProvider for World {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        plan_err!("there is no table `{name}`")
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let known = function::find(name)?;
        Some(Arc::new(ScalarUDF::from(Stub {
            name: known.name,
            signature: Signature::variadic_any(Volatility::Immutable),
        })))
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _name: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &OPTIONS
    }

    fn udf_names(&self) -> Vec<String> {
        function::ALL
            .iter()
            .map(|known| known.name.to_owned())
            .collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// One of our functions as DataFusion sees it: a name and a type, no code. Its last argument has the type of its
/// result, which depends on our rules and not on DataFusion's.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Stub {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Stub {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types.last() {
            Some(result) => Ok(result.clone()),
            None => plan_err!("`{}` takes arguments", self.name),
        }
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("`{}` is run by the program, never by DataFusion", self.name)
    }
}
