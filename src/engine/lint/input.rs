//! Which parts of `input` are always there, and of which type, as the decision contract has it.

use super::facts::Ty;

/// A part of `input` that the decision point fills in.
pub(super) struct Guaranteed {
    path: &'static str,
    pub(super) ty: Ty,
    pub(super) elem: Ty,
    /// The decision point itself makes the value, so that no builtin fails on it.
    pub(super) trusted: bool,
    /// Some messages have none.
    pub(super) optional: bool,
}

const fn part(path: &'static str, ty: Ty, elem: Ty) -> Guaranteed {
    Guaranteed {
        path,
        ty,
        elem,
        trusted: false,
        optional: false,
    }
}

const fn made(path: &'static str, ty: Ty) -> Guaranteed {
    Guaranteed {
        path,
        ty,
        elem: Ty::NONE,
        trusted: true,
        optional: false,
    }
}

/// Names the tool, resource or prompt; absent where the method names none. A statement that says
/// which name it must be selects what the rule is about: that it is absent is accepted there.
pub(super) const SELECTOR: &str = "input.mcp.name";

const GUARANTEED: [Guaranteed; 24] = [
    part("input", Ty::OBJECT, Ty::ANY),
    made("input.version", Ty::NUMBER),
    part("input.phase", Ty::STRING, Ty::NONE),
    part("input.time", Ty::OBJECT, Ty::ANY),
    made("input.time.ns", Ty::NUMBER),
    made("input.time.rfc3339", Ty::STRING),
    part("input.tenant", Ty::STRING, Ty::NONE),
    part("input.principal", Ty::OBJECT, Ty::ANY),
    part("input.principal.id", Ty::STRING, Ty::NONE),
    part("input.principal.roles", Ty::ARRAY, Ty::STRING),
    part("input.principal.attributes", Ty::OBJECT, Ty::ANY),
    part("input.principal.delegation", Ty::ARRAY, Ty::ANY),
    part("input.principal.authenticated_by", Ty::STRING, Ty::NONE),
    part("input.mcp", Ty::OBJECT, Ty::ANY),
    part("input.mcp.server", Ty::STRING, Ty::NONE),
    part("input.mcp.method", Ty::STRING, Ty::NONE),
    Guaranteed {
        optional: true,
        ..part(SELECTOR, Ty::STRING, Ty::NONE)
    },
    part("input.tool", Ty::OBJECT, Ty::ANY),
    part("input.tool.untrusted_annotations", Ty::OBJECT, Ty::ANY),
    part("input.facts", Ty::OBJECT, Ty::ANY),
    part("input.session", Ty::OBJECT, Ty::ANY),
    part("input.session.id", Ty::STRING, Ty::NONE),
    part("input.session.labels", Ty::ARRAY, Ty::STRING),
    part("input.context", Ty::OBJECT, Ty::STRING),
];

/// What is known of the part at this path.
pub(super) fn guaranteed(path: &str) -> Option<&'static Guaranteed> {
    GUARANTEED.iter().find(|part| part.path == path)
}
