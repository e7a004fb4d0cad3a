//! OPA's order of values, which puts sets after objects; regorus puts them before.

use std::cell::Cell;
use std::cmp::Ordering;

use regorus::Value;

use super::bounded::give_up;

/// Most values that one call compares.
const COMPARED_VALUES_MAX: usize = 1 << 20;

/// Compares values, and counts them: of a value that holds another twice, and that one a third
/// twice, and so on, a comparison would take forever.
#[derive(Default)]
pub(super) struct Order {
    compared: Cell<usize>,
}

impl Order {
    pub(super) fn compare(&self, a: &Value, b: &Value) -> Ordering {
        let compared = self.compared.get() + 1;
        self.compared.set(compared);
        if compared > COMPARED_VALUES_MAX {
            give_up("values that a builtin compares");
        }
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => self.lists(a.iter(), b.iter()),
            (Value::Set(a), Value::Set(b)) => {
                let (a, b) = (self.sorted(a.iter()), self.sorted(b.iter()));
                self.lists(a.into_iter(), b.into_iter())
            }
            (Value::Object(a), Value::Object(b)) => {
                let (a, b) = (self.members(a.iter()), self.members(b.iter()));
                self.lists(a.into_iter().flatten(), b.into_iter().flatten())
            }
            _ => rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)),
        }
    }

    /// The first difference decides, then the length.
    fn lists<'a>(
        &self,
        mut a: impl Iterator<Item = &'a Value>,
        mut b: impl Iterator<Item = &'a Value>,
    ) -> Ordering {
        loop {
            let ordering = match (a.next(), b.next()) {
                (None, None) => return Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(a), Some(b)) => self.compare(a, b),
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
    }

    pub(super) fn sorted<'a>(&self, items: impl Iterator<Item = &'a Value>) -> Vec<&'a Value> {
        let mut items: Vec<&Value> = items.collect();
        items.sort_by(|a, b| self.compare(a, b));
        items
    }

    /// Members by their keys.
    pub(super) fn members<'a>(
        &self,
        members: impl Iterator<Item = (&'a Value, &'a Value)>,
    ) -> Vec<[&'a Value; 2]> {
        let mut members: Vec<[&Value; 2]> = members.map(|(key, value)| [key, value]).collect();
        members.sort_by(|[a, _], [b, _]| self.compare(a, b));
        members
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
        Value::Set(_) => 6,
        Value::Undefined => 7,
    }
}

fn sorted(arguments: &[Value]) -> Option<Vec<&Value>> {
    let order = Order::default();
    match arguments {
        [Value::Array(items)] => Some(order.sorted(items.iter())),
        [Value::Set(items)] => Some(order.sorted(items.iter())),
        _ => None,
    }
}

/// `max(collection)`
pub(super) fn max(arguments: &[Value]) -> Value {
    let items = sorted(arguments).unwrap_or_default();
    items.last().map_or(Value::Undefined, |max| (*max).clone())
}

/// `min(collection)`
pub(super) fn min(arguments: &[Value]) -> Value {
    let items = sorted(arguments).unwrap_or_default();
    items.first().map_or(Value::Undefined, |min| (*min).clone())
}

/// `sort(collection)`
pub(super) fn sort(arguments: &[Value]) -> Value {
    let items = sorted(arguments).map(|items| items.into_iter().cloned().collect::<Vec<_>>());
    items.map_or(Value::Undefined, Value::from)
}
