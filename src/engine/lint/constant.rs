//! Values that are written out.

use regorus::unstable::Expr;

use crate::engine::ast::string;
use crate::engine::value;
use crate::model::json::Json;

/// Greatest size of a constant that is looked at, in bytes of JSON.
const CONSTANT_BYTES_MAX: usize = 64 * 1024;

/// The value of an expression that has no variable in it; a set as an array.
pub(super) fn constant(expr: &Expr) -> Option<Json> {
    match expr {
        Expr::String { .. } | Expr::RawString { .. } => string(expr).map(Json::from),
        Expr::Number { value, .. } | Expr::Bool { value, .. } => {
            let mut bytes_left = CONSTANT_BYTES_MAX;
            value::to_json(value, &mut bytes_left).ok()
        }
        Expr::Null { .. } => Some(Json::Null),
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            let items: Option<Vec<Json>> = items.iter().map(|item| constant(item)).collect();
            items.map(Json::Array)
        }
        Expr::Object { fields, .. } => {
            let members = fields
                .iter()
                .map(|(_, name, value)| Some((string(name)?, constant(value)?)));
            let members: Option<Vec<_>> = members.collect();
            members.map(Json::object)
        }
        _ => None,
    }
}

/// The texts of a written list or set, each with its place.
pub(super) fn texts(expr: &Expr) -> Vec<(&Expr, &str)> {
    let items = match expr {
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.as_slice(),
        _ => &[],
    };
    let text = |item| string(item).map(|text| (item, text));
    items.iter().map(AsRef::as_ref).filter_map(text).collect()
}
