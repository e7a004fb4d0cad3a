//! What is owed to a result, arranged for one walk over it.

use super::field::{Field, STRUCTURED};
use super::names::Names;
use super::text;
use crate::model::obligation::Obligation;

/// What happens to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Mask,
    Drop,
}

/// What is owed to one field, and the field as the policy wrote it.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) action: Action,
    pub(super) field: String,
}

/// A pointer, by the roots that it counts from.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) owed: Owed,
    /// From the root of each document.
    pub(super) in_document: Vec<String>,
    /// From the result's root; `None` for what is below its structured document.
    pub(super) in_result: Option<Vec<String>>,
}

/// All that is owed to a result.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By name.
    pub(super) names: Names,
    /// Drops first.
    pub(super) targets: Vec<Target>,
    /// Most rows of an array.
    pub(super) rows: Option<usize>,
    /// Most bytes of the result.
    pub(super) bytes: Option<u64>,
}

impl Plan {
    /// Arranges obligations, merged or not; those that do not concern results are passed over.
    ///
    /// # Errors
    /// What is wrong with a field.
    pub(super) fn new(obligations: &[Obligation]) -> Result<Self, &'static str> {
        let mut plan = Self::default();
        for obligation in obligations {
            match obligation {
                Obligation::MaskFields { fields } => plan.owe(Action::Mask, fields)?,
                Obligation::DropFields { fields } => plan.owe(Action::Drop, fields)?,
                Obligation::LimitRows { rows } => {
                    let rows = usize::try_from(*rows).unwrap_or(usize::MAX);
                    plan.rows = Some(plan.rows.map_or(rows, |least| least.min(rows)));
                }
                Obligation::LimitBytes { bytes } => {
                    plan.bytes = Some(plan.bytes.map_or(*bytes, |least| least.min(*bytes)));
                }
                Obligation::RewriteArguments { .. } | Obligation::Audit { .. } => {}
            }
        }
        plan.targets
            .sort_by_key(|target| target.owed.action != Action::Drop);
        Ok(plan)
    }

    fn owe(&mut self, action: Action, fields: &[String]) -> Result<(), &'static str> {
        for text in fields {
            let field = text.clone();
            let owed = Owed { action, field };
            match Field::read(text)? {
                Field::Name(_) => self.names.owe(owed),
                Field::Pointer(tokens) => self.targets.push(Target::new(owed, tokens)),
            }
        }
        Ok(())
    }

    /// Whether any field is masked or dropped.
    pub(super) fn owes_fields(&self) -> bool {
        !self.names.is_empty() || !self.targets.is_empty()
    }

    /// Whether the result has to be walked at all.
    pub(super) fn owes_a_walk(&self) -> bool {
        self.owes_fields() || self.rows.is_some()
    }

    /// Whether text that is not JSON may pass: no field is owed, and it has no more rows than it
    /// has lines.
    pub(super) fn passes_unread(&self, text: &str) -> bool {
        let few = |rows| text.lines().count() <= rows && !text::may_hold_rows(text);
        !self.owes_fields() && self.rows.is_none_or(few)
    }
}

impl Target {
    fn new(owed: Owed, tokens: Vec<String>) -> Self {
        match tokens.split_first() {
            Some((first, rest)) if first == STRUCTURED => Self {
                owed,
                in_document: rest.to_vec(),
                in_result: None,
            },
            _ => Self {
                owed,
                in_document: tokens.clone(),
                in_result: Some(tokens),
            },
        }
    }
}
