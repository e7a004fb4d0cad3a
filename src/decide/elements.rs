//! The elements of a package's sets: what each may look like. Anything else denies.

use crate::engine::{SetName, Sets};
use crate::model::json::{Json, Object};
use crate::model::obligation::Obligation;
use crate::model::reason::{Code, Origin, Reason};
use crate::model::verdict::Approval;
use crate::obligation;

/// Longest code, in bytes.
const CODE_BYTES_MAX: usize = 128;
/// Longest public message, in bytes.
const MESSAGE_BYTES_MAX: usize = 1024;

/// A package's sets, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Elements {
    pub(super) allow: Vec<Reason>,
    pub(super) deny: Vec<Reason>,
    pub(super) obligations: Vec<Obligation>,
    pub(super) approvals: Vec<Approval>,
    pub(super) visible: Vec<Reason>,
}

impl Elements {
    /// Reads what a package returned.
    ///
    /// # Errors
    /// The reason for denying: an element that is not what its set may hold.
    pub(super) fn read(policy: &str, sets: &Sets) -> Result<Self, Reason> {
        let shape = |set: &str| Reason {
            message: format!("an element of `{set}` has the wrong shape"),
            ..Code::PolicyResultInvalid.of_policy(policy)
        };
        let all = |set: &str, elements: &[Json]| -> Result<Vec<Reason>, Reason> {
            let read = elements.iter().map(|element| reason(policy, element));
            read.map(|reason| reason.ok_or_else(|| shape(set)))
                .collect()
        };
        let obligation = |element: &Json| {
            obligation::parse(element).map_err(|error| Reason {
                policy: policy.to_owned(),
                ..error
            })
        };
        let approval = |element: &Json| approval(policy, element).ok_or_else(|| shape("approve"));
        Ok(Self {
            allow: all("allow", &sets.allow)?,
            deny: all("deny", &sets.deny)?,
            obligations: sets
                .constrain
                .iter()
                .map(obligation)
                .collect::<Result<_, _>>()?,
            approvals: sets
                .approve
                .iter()
                .map(approval)
                .collect::<Result<_, _>>()?,
            visible: all("visible", &sets.visible)?,
        })
    }
}

/// Whether `element` may stand in the set `set` of a package.
///
/// # Errors
/// The reason for which every call is denied where it does.
pub fn check_element(set: SetName, element: &Json) -> Result<(), Reason> {
    let mut sets = Sets::default();
    *match set {
        SetName::Allow => &mut sets.allow,
        SetName::Deny => &mut sets.deny,
        SetName::Constrain => &mut sets.constrain,
        SetName::Approve => &mut sets.approve,
        SetName::Visible => &mut sets.visible,
    } = vec![element.clone()];
    Elements::read("", &sets).map(|_| ())
}

/// A code alone, or `{"code": …, "message": …}`.
fn reason(policy: &str, element: &Json) -> Option<Reason> {
    let (code, message, retryable) = match element {
        Json::String(code) => (code.as_str(), "", false),
        Json::Object(object) => {
            known(object, &["code", "message", "retryable"])?;
            let message = object.get("message").map_or(Some(""), Json::as_str)?;
            let retryable = object.get("retryable").map_or(Some(false), Json::as_bool)?;
            (object.get("code")?.as_str()?, message, retryable)
        }
        _ => return None,
    };
    if message.len() > MESSAGE_BYTES_MAX || message.chars().any(is_unsafe) {
        return None;
    }
    Some(Reason {
        code: checked_code(code)?,
        message: message.to_owned(),
        policy: policy.to_owned(),
        origin: Origin::Policy,
        retryable,
    })
}

/// `{"by": [role, …], "code": …}`.
fn approval(policy: &str, element: &Json) -> Option<Approval> {
    let object = element.as_object()?;
    known(object, &["code", "by", "message"])?;
    let by = object.get("by")?.as_array()?;
    let by: Vec<String> = by
        .iter()
        .map(|role| role.as_str().map(str::to_owned))
        .collect::<Option<_>>()?;
    let code = checked_code(object.get("code")?.as_str()?)?;
    (!by.is_empty()).then(|| Approval {
        code,
        by,
        policy: policy.to_owned(),
    })
}

fn known(object: &Object, names: &[&str]) -> Option<()> {
    object
        .iter()
        .all(|(name, _)| names.contains(&name))
        .then_some(())
}

/// A code is one printable word.
fn checked_code(code: &str) -> Option<String> {
    let printable = code.chars().all(|c| !c.is_control() && !c.is_whitespace());
    (printable && !code.is_empty() && code.len() <= CODE_BYTES_MAX).then(|| code.to_owned())
}

/// Characters that change how a line of text is shown: controls, and those that turn its direction.
fn is_unsafe(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || character.is_control()
}
