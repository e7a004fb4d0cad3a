//! Objects whose names are known when this is compiled, such as those of a policy input: the sorted
//! names are kept by each thread, so that an object is a copy with other values in it.

use regorus::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Most combinations of names that a thread keeps; a policy input has some ten.
const SHAPES_MAX: usize = 64;

thread_local! {
    static SHAPES: RefCell<Vec<Shape>> = const { RefCell::new(Vec::new()) };
}

/// One combination of names.
struct Shape {
    /// In the order in which they are given.
    names: Vec<&'static str>,
    /// The same, as the engine has them.
    keys: Vec<Value>,
    /// An object of all of them, without values.
    empty: Value,
}

impl Shape {
    fn new(members: &[(&'static str, Value)]) -> Self {
        let names: Vec<_> = members.iter().map(|(name, _)| *name).collect();
        let keys: Vec<_> = names.iter().map(|name| Value::from(*name)).collect();
        let nulls = keys.iter().map(|key| (key.clone(), Value::Null));
        let empty = Value::from(nulls.collect::<BTreeMap<_, _>>());
        Self { names, keys, empty }
    }

    fn is_of(&self, members: &[(&'static str, Value)]) -> bool {
        let names = members.iter().map(|(name, _)| name);
        self.names.len() == members.len() && self.names.iter().eq(names)
    }

    fn filled(&self, members: Vec<(&'static str, Value)>) -> Value {
        let mut filled = self.empty.clone();
        if let Ok(object) = filled.as_object_mut() {
            for (key, (_, value)) in self.keys.iter().zip(members) {
                if let Some(place) = object.get_mut(key) {
                    *place = value;
                }
            }
        }
        filled
    }
}

/// The object of these members; no name comes twice.
pub(super) fn object(members: Vec<(&'static str, Value)>) -> Value {
    SHAPES.with_borrow_mut(|shapes| {
        if let Some(shape) = shapes.iter().find(|shape| shape.is_of(&members)) {
            return shape.filled(members);
        }
        let shape = Shape::new(&members);
        let value = shape.filled(members);
        if shapes.len() < SHAPES_MAX {
            shapes.push(shape);
        }
        value
    })
}
