//! What is known of a value while a rule is read: where it may be missing, and of which type it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{BitAnd, BitOr};
use std::rc::Rc;

use regorus::unstable::Expr;

use super::body::Env;
use crate::engine::ast::DataPath;

/// A set of JSON and Rego types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ty(u8);

impl Ty {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOL: Self = Self(2);
    pub(super) const NUMBER: Self = Self(4);
    pub(super) const STRING: Self = Self(8);
    pub(super) const ARRAY: Self = Self(16);
    pub(super) const OBJECT: Self = Self(32);
    pub(super) const SET: Self = Self(64);
    pub(super) const LIST: Self = Self(16 | 64);
    pub(super) const COLLECTION: Self = Self(16 | 32 | 64);
    pub(super) const COUNTABLE: Self = Self(8 | 16 | 32 | 64);
    /// What JSON has.
    pub(super) const JSON: Self = Self(63);
    pub(super) const ANY: Self = Self(127);

    pub(super) const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(super) const fn is_one(self) -> bool {
        self.0.is_power_of_two()
    }

    /// The builtins that test for a type, each with the type and how to say it.
    pub(super) const GUARDS: [(&'static str, Self, &'static str); 7] = [
        ("is_null", Self::NULL, "null"),
        ("is_boolean", Self::BOOL, "a boolean"),
        ("is_number", Self::NUMBER, "a number"),
        ("is_string", Self::STRING, "a string"),
        ("is_array", Self::ARRAY, "an array"),
        ("is_object", Self::OBJECT, "an object"),
        ("is_set", Self::SET, "a set"),
    ];

    /// The type that a guard such as `is_string` tests for.
    pub(super) fn of_guard(name: &str) -> Option<Self> {
        Self::GUARDS
            .iter()
            .find(|(guard, _, _)| *guard == name)
            .map(|(_, ty, _)| *ty)
    }

    /// The first type in the set that input can have: its guard and how to say it.
    pub(super) fn guard(self) -> (&'static str, &'static str) {
        if self == Self::COUNTABLE {
            return ("is_string", "a string or a collection");
        }
        Self::GUARDS
            .iter()
            .find(|(_, ty, _)| ty.within(self))
            .map_or(("is_string", "of the right type"), |(guard, _, said)| {
                (guard, said)
            })
    }
}

impl BitOr for Ty {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Ty {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Why an expression may be undefined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The value may be missing.
    Absent,
    /// The value may be of a type that a builtin does not take.
    Type(Ty),
    /// The builtin fails on some values of the right type.
    Fails,
}

/// What must hold for an expression to be defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// The value or call it is about, the same however it is written.
    pub(super) key: String,
    pub(super) cause: Cause,
    /// As the author wrote it.
    pub(super) text: String,
    /// It is not what the expression names, but what a condition or call behind it reads: that it
    /// is absent is not accepted by naming the expression.
    pub(super) behind: bool,
}

/// Whether an expression's being undefined matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Polarity {
    /// If it is undefined, the deny does not fire: it must not be, unless the author accepted it.
    Fires,
    /// Under `not`: if it is undefined, the deny fires; but a `not` within must not hold because
    /// something is undefined.
    Blocks,
    /// Used in a way that is not followed: both.
    Both,
}

impl Polarity {
    pub(super) const fn flip(self) -> Self {
        match self {
            Self::Fires => Self::Blocks,
            Self::Blocks => Self::Fires,
            Self::Both => Self::Both,
        }
    }

    /// Whether an undefined statement is a danger.
    pub(super) const fn needs_defined(self) -> bool {
        matches!(self, Self::Fires | Self::Both)
    }

    /// Whether a `not` that holds because of something undefined is a danger.
    pub(super) const fn guards_not(self) -> bool {
        matches!(self, Self::Blocks | Self::Both)
    }
}

/// A set whose members may silently be fewer: judged when it is known how the set is used.
#[derive(Clone)]
pub(super) enum Growth<'a> {
    /// A comprehension and what is known around it.
    Comprehension(&'a Expr, Box<Env<'a>>),
    /// A partial set or object rule.
    Rule(DataPath),
    /// Taken away from the value: the value has fewer members where this has more.
    Against(Box<Self>),
    /// Used in a way that is not followed.
    Unfollowed(Box<Self>),
}

/// Who wrote what is in a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// A policy author or the operator's data, or the decision point itself; no caller.
    pub(super) fixed: bool,
    /// It is another for each call, such as the time: nothing says that data has it as a key.
    pub(super) varies: bool,
}

/// Where a value comes from, as far as a step below it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `input` or a part of it; the key is the path.
    Input,
    /// Anything else.
    Other,
}

/// What is known of an expression's value.
#[derive(Clone)]
pub(super) struct Value<'a> {
    /// The same for expressions that mean the same.
    pub(super) key: String,
    /// As the author wrote it.
    pub(super) text: String,
    /// What must hold for it to be defined.
    pub(super) needs: Vec<Need>,
    pub(super) ty: Ty,
    /// The type of its elements or of an object's values.
    pub(super) elem: Ty,
    /// What is in it was written by a policy author or comes from data, not from a caller: its
    /// type is trusted.
    pub(super) fixed: bool,
    /// It is another for each call, though no caller wrote it.
    pub(super) varies: bool,
    pub(super) place: Place,
    /// The length of an array, where it is known.
    pub(super) len: Option<usize>,
    pub(super) growth: Vec<Growth<'a>>,
    /// It is the `count` of what grows.
    pub(super) counts: bool,
    /// A condition that holds whatever the input.
    pub(super) holds: bool,
    /// What holds wherever this condition does.
    pub(super) implied: Option<Rc<Facts>>,
}

impl<'a> Value<'a> {
    pub(super) fn new(key: impl Into<String>, text: impl Into<String>, ty: Ty) -> Self {
        Self {
            key: key.into(),
            text: text.into(),
            needs: Vec::new(),
            ty,
            elem: Ty::ANY,
            fixed: false,
            varies: false,
            place: Place::Other,
            len: None,
            growth: Vec::new(),
            counts: false,
            holds: false,
            implied: None,
        }
    }

    pub(super) fn literal(key: impl Into<String>, text: impl Into<String>, ty: Ty) -> Self {
        Self {
            fixed: true,
            ..Self::new(key, text, ty)
        }
    }

    /// Adds what a part of the expression needs, and how its sets grow.
    pub(super) fn with_part(mut self, part: &Self) -> Self {
        self.needs.extend(part.needs.iter().cloned());
        self.growth.extend(part.growth.iter().cloned());
        self.varies |= part.varies;
        self
    }

    /// Adds a part whose sets are used in another way than the whole.
    pub(super) fn with_part_by(
        mut self,
        part: &Self,
        wrap: fn(Box<Growth<'a>>) -> Growth<'a>,
    ) -> Self {
        self.needs.extend(part.needs.iter().cloned());
        let wrapped = part.growth.iter().cloned().map(Box::new).map(wrap);
        self.growth.extend(wrapped);
        self.varies |= part.varies;
        self
    }

    pub(super) const fn origin(&self) -> Origin {
        Origin {
            fixed: self.fixed,
            varies: self.varies,
        }
    }

    /// Whether it is the same for every call.
    pub(super) const fn is_constant(&self) -> bool {
        self.fixed && !self.varies
    }

    pub(super) fn need(&mut self, cause: Cause) {
        let (key, text) = (self.key.clone(), self.text.clone());
        self.needs.push(Need {
            key,
            cause,
            text,
            behind: false,
        });
    }

    /// The value once it is bound to a variable: then it is defined.
    pub(super) fn bound(mut self) -> Self {
        self.needs.clear();
        self
    }

    /// What decides how it is judged, as part of a memo's key.
    pub(super) fn signature(&self) -> String {
        format!(
            "{}:{}:{}:{:?}:{:?}:{}",
            self.key,
            self.ty.0,
            self.elem.0,
            self.origin(),
            self.len,
            self.growth.len()
        )
    }
}

/// What holds wherever a statement is reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Keys of values that are there and of calls that do not fail.
    known: BTreeSet<String>,
    types: BTreeMap<String, Ty>,
}

impl Facts {
    pub(super) fn meets(&self, need: &Need) -> bool {
        match need.cause {
            Cause::Absent => self.knows(&need.key),
            Cause::Type(ty) => self.ty(&need.key).within(ty),
            Cause::Fails => self.known.contains(&need.key),
        }
    }

    /// Whether the value, or something below it, is there.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.known
            .range(key.to_owned()..)
            .take_while(|known| known.starts_with(key))
            .any(|known| {
                known
                    .strip_prefix(key)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
    }

    pub(super) fn ty(&self, key: &str) -> Ty {
        self.types.get(key).copied().unwrap_or(Ty::ANY)
    }

    pub(super) fn assume(&mut self, needs: &[Need]) {
        for need in needs {
            match need.cause {
                Cause::Absent | Cause::Fails => {
                    self.known.insert(need.key.clone());
                }
                Cause::Type(ty) => self.assume_type(&need.key, ty),
            }
        }
    }

    /// Where the value is there at all, it is of this type.
    pub(super) fn assume_type_if_present(&mut self, key: &str, ty: Ty) {
        let ty = self.ty(key) & ty;
        self.types.insert(key.to_owned(), ty);
    }

    pub(super) fn assume_type(&mut self, key: &str, ty: Ty) {
        self.assume_type_if_present(key, ty);
        self.known.insert(key.to_owned());
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.known.extend(other.known.iter().cloned());
        for (key, ty) in &other.types {
            let ty = self.ty(key) & *ty;
            self.types.insert(key.clone(), ty);
        }
    }

    /// Forgets what is about variables of the frame at `depth`.
    pub(super) fn forget_locals(&mut self, depth: usize) {
        let mark = local_mark(depth);
        self.known.retain(|key| !key.contains(&mark));
        self.types.retain(|key, _| !key.contains(&mark));
    }

    pub(super) fn signature(&self) -> String {
        format!("{:?}{:?}", self.known, self.types)
    }
}

/// In the keys of local variables of the frame at `depth`.
pub(super) fn local_mark(depth: usize) -> String {
    format!("@{depth}:")
}

impl Facts {
    /// What holds once these needs are met, and what follows from them.
    pub(super) fn assume_value(&mut self, value: &Value<'_>) {
        self.assume(&value.needs);
        if let Some(implied) = &value.implied {
            self.extend(implied);
        }
    }
}
