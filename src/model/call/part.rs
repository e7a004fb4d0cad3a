//! Parts of a policy input that are small and say who asks for what: what a policy that reads
//! nothing else answers depends on them alone.

use super::Request;
use crate::model::json::{Json, Object};
use crate::model::principal::Principal;

/// A part of the policy input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InputPart {
    /// `input.phase`.
    Phase,
    /// `input.tenant`.
    Tenant,
    /// `input.principal`, whole.
    Principal,
    /// `input.principal.id`.
    PrincipalId,
    /// `input.principal.roles`.
    PrincipalRoles,
    /// `input.mcp`, whole.
    Mcp,
    /// `input.tool`, whole.
    Tool,
    /// `input.context`, whole.
    Context,
    /// `input.context.<name>`.
    ContextMember(String),
}

impl InputPart {
    /// The part that `input.<member>`, or `input.<member>.<name>`, belongs to; `None` where it is
    /// none of these.
    #[must_use]
    pub fn of(member: &str, name: Option<&str>) -> Option<Self> {
        Some(match (member, name) {
            ("phase", _) => Self::Phase,
            ("tenant", _) => Self::Tenant,
            ("principal", Some("id")) => Self::PrincipalId,
            ("principal", Some("roles")) => Self::PrincipalRoles,
            ("principal", _) => Self::Principal,
            ("mcp", _) => Self::Mcp,
            ("tool", _) => Self::Tool,
            ("context", Some(name)) => Self::ContextMember(name.to_owned()),
            ("context", None) => Self::Context,
            _ => return None,
        })
    }
}

impl Request {
    /// Appends to a key what this part of the policy input is. Two requests get the same key from
    /// the same parts only if these are equal.
    pub fn write_part(&self, part: &InputPart, key: &mut String) {
        match part {
            InputPart::Phase => text(self.phase.as_str(), key),
            InputPart::Tenant => text(&self.tenant, key),
            InputPart::Principal => principal(&self.principal, key),
            InputPart::PrincipalId => text(&self.principal.id, key),
            InputPart::PrincipalRoles => texts(&self.principal.roles, key),
            InputPart::Mcp => {
                let mcp = &self.mcp;
                for part in [&mcp.server, &mcp.method, &mcp.name, &mcp.protocol] {
                    text(part, key);
                }
            }
            InputPart::Tool => {
                optional(self.definition_digest.as_deref(), key);
                object(&self.untrusted_annotations, key);
            }
            InputPart::Context => object(&self.context, key),
            InputPart::ContextMember(name) => member(self.context.get(name), key),
        }
    }
}

fn principal(principal: &Principal, key: &mut String) {
    text(&principal.id, key);
    for part in [&principal.user, &principal.agent, &principal.client] {
        optional(part.as_deref(), key);
    }
    texts(&principal.roles, key);
    object(&principal.attributes, key);
    texts(&principal.delegation, key);
    text(principal.authenticated_by.as_str(), key);
    optional(principal.roles_from.map(|from| from.as_str()), key);
}

/// The text's length goes before it, so that it cannot be taken for its neighbours.
fn text(text: &str, key: &mut String) {
    length(text.len(), key);
    key.push_str(text);
}

fn length(mut length: usize, key: &mut String) {
    // Six bits a character, the lowest first; all but the last have a mark.
    while let (low, 1..) = (low_bits(length), length >> 6) {
        key.push(char::from(low | 0x40));
        length >>= 6;
    }
    key.push(char::from(low_bits(length)));
}

fn low_bits(length: usize) -> u8 {
    u8::try_from(length & 0x3f).unwrap_or_default()
}

fn texts(all: &[String], key: &mut String) {
    length(all.len(), key);
    all.iter().for_each(|one| text(one, key));
}

fn optional(value: Option<&str>, key: &mut String) {
    length(usize::from(value.is_some()), key);
    value.into_iter().for_each(|value| text(value, key));
}

fn member(value: Option<&Json>, key: &mut String) {
    length(usize::from(value.is_some()), key);
    value.into_iter().for_each(|value| json(value, key));
}

/// A number has no end of its own, so that one is set to it.
fn json(value: &Json, key: &mut String) {
    value.write_canonical(key);
    key.push('\n');
}

fn object(object: &Object, key: &mut String) {
    length(object.iter().count(), key);
    for (name, value) in object.iter() {
        text(name, key);
        json(value, key);
    }
}

#[cfg(test)]
mod tests;
