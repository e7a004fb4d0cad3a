//! On which arguments a builtin is defined, and the type of what it returns.
//!
//! A builtin that is not in the table may fail on anything: this can only refuse too much.

use super::facts::{Polarity, Ty};

/// A builtin that is defined wherever its arguments are of these types.
pub(super) struct Builtin {
    name: &'static str,
    /// One for each argument; members of a collection that must be strings are said in `members`.
    pub(super) args: &'static [Ty],
    pub(super) returns: Ty,
    /// The type of the returned collection's members.
    pub(super) elem: Ty,
    /// The type of the members of a collection among the arguments.
    pub(super) members: Ty,
    /// It fails on some values of the right types, unless they are an author's own.
    pub(super) fails: bool,
}

const S: Ty = Ty::STRING;
const N: Ty = Ty::NUMBER;
const B: Ty = Ty::BOOL;
const A: Ty = Ty::ARRAY;
const O: Ty = Ty::OBJECT;
const LIST: Ty = Ty::LIST;
const ANY: Ty = Ty::ANY;

const fn total(name: &'static str, args: &'static [Ty], returns: Ty) -> Builtin {
    Builtin {
        name,
        args,
        returns,
        elem: ANY,
        members: ANY,
        fails: false,
    }
}

const fn of(elem: Ty, builtin: Builtin) -> Builtin {
    Builtin { elem, ..builtin }
}

const fn members(members: Ty, builtin: Builtin) -> Builtin {
    Builtin { members, ..builtin }
}

const fn fails(name: &'static str, args: &'static [Ty], returns: Ty) -> Builtin {
    Builtin {
        fails: true,
        ..total(name, args, returns)
    }
}

static BUILTINS: [Builtin; 81] = [
    total("is_null", &[ANY], B),
    total("is_boolean", &[ANY], B),
    total("is_number", &[ANY], B),
    total("is_string", &[ANY], B),
    total("is_array", &[ANY], B),
    total("is_object", &[ANY], B),
    total("is_set", &[ANY], B),
    total("type_name", &[ANY], S),
    total("print", &[], B),
    total("trace", &[S], B),
    // strings
    members(S, total("concat", &[S, LIST], S)),
    total("contains", &[S, S], B),
    total("startswith", &[S, S], B),
    total("endswith", &[S, S], B),
    fails("indexof", &[S, S], N),
    of(N, total("indexof_n", &[S, S], A)),
    total("lower", &[S], S),
    total("upper", &[S], S),
    total("replace", &[S, S, S], S),
    of(S, total("split", &[S, S], A)),
    fails("sprintf", &[S, A], S),
    total("strings.reverse", &[S], S),
    fails("strings.any_prefix_match", &[ANY, ANY], B),
    fails("strings.any_suffix_match", &[ANY, ANY], B),
    fails("substring", &[S, N, N], S),
    total("trim", &[S, S], S),
    total("trim_left", &[S, S], S),
    total("trim_right", &[S, S], S),
    total("trim_prefix", &[S, S], S),
    total("trim_suffix", &[S, S], S),
    total("trim_space", &[S], S),
    fails("format_int", &[N, N], S),
    // patterns: the text never fails, the pattern may
    fails("regex.match", &[S, S], B),
    total("regex.is_valid", &[ANY], B),
    fails("glob.match", &[S, ANY, S], B),
    // collections
    total("count", &[Ty::COUNTABLE], N),
    members(N, total("sum", &[LIST], N)),
    members(N, total("product", &[LIST], N)),
    fails("max", &[LIST], ANY),
    fails("min", &[LIST], ANY),
    total("sort", &[LIST], A),
    total("array.concat", &[A, A], A),
    total("array.reverse", &[A], A),
    fails("array.slice", &[A, N, N], A),
    members(Ty::SET, total("intersection", &[Ty::SET], Ty::SET)),
    members(Ty::SET, total("union", &[Ty::SET], Ty::SET)),
    total("object.get", &[O, ANY, ANY], ANY),
    total("object.keys", &[O], Ty::SET),
    total("object.union", &[O, O], O),
    total("object.remove", &[O, Ty::COLLECTION], O),
    total("object.filter", &[O, Ty::COLLECTION], O),
    fails("object.subset", &[ANY, ANY], B),
    total("graph.reachable", &[O, LIST], Ty::SET),
    // numbers
    total("abs", &[N], N),
    total("ceil", &[N], N),
    total("floor", &[N], N),
    total("round", &[N], N),
    fails("to_number", &[ANY], N),
    fails("numbers.range", &[N, N], A),
    // encodings
    total("json.is_valid", &[ANY], B),
    total("json.marshal", &[ANY], S),
    fails("json.unmarshal", &[S], ANY),
    total("base64.encode", &[S], S),
    total("base64.is_valid", &[ANY], B),
    fails("base64.decode", &[S], S),
    total("base64url.encode", &[S], S),
    fails("base64url.decode", &[S], S),
    total("hex.encode", &[S], S),
    fails("hex.decode", &[S], S),
    total("urlquery.encode", &[S], S),
    fails("urlquery.decode", &[S], S),
    fails("units.parse", &[S], N),
    fails("units.parse_bytes", &[S], N),
    total("semver.is_valid", &[ANY], B),
    fails("semver.compare", &[S, S], N),
    total("net.cidr_is_valid", &[ANY], B),
    fails("net.cidr_contains", &[S, S], B),
    // time
    of(N, fails("time.clock", &[ANY], A)),
    of(N, fails("time.date", &[ANY], A)),
    fails("time.weekday", &[ANY], S),
    fails("time.parse_rfc3339_ns", &[S], N),
];

impl Builtin {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        BUILTINS.iter().find(|builtin| builtin.name == name)
    }

    /// Builtins that fail on the same arguments share a name here: where one did not, no other will.
    pub(super) fn domain(name: &str) -> &str {
        match name {
            "time.clock" | "time.date" | "time.weekday" => "time.zone",
            _ => name,
        }
    }

    /// The positions of the arguments on whose value it may fail; empty: all of them.
    pub(super) fn failing_arguments(name: &str) -> &'static [usize] {
        match name {
            "regex.match" => &[0],
            "glob.match" => &[0, 1],
            "indexof" | "format_int" => &[1],
            _ => &[],
        }
    }

    /// How the members that it returns follow those of this argument: more with more, fewer with
    /// more, or neither. What is no collection has no members; who compares it reads both ways.
    pub(super) fn growth(name: &str, at: usize) -> Polarity {
        let returns = Self::find(name).map_or(ANY, |builtin| builtin.returns);
        match (name, at) {
            ("object.remove", 1) => Polarity::Blocks,
            ("object.union", 1) => Polarity::Both,
            (
                "union" | "intersection" | "sort" | "array.concat" | "array.reverse"
                | "object.keys" | "object.union" | "object.remove" | "object.filter"
                | "graph.reachable",
                _,
            ) => Polarity::Fires,
            _ if returns & Ty::COLLECTION == Ty::NONE => Polarity::Fires,
            _ => Polarity::Both,
        }
    }

    /// The length of the array it returns.
    pub(super) fn returned_len(name: &str) -> Option<usize> {
        matches!(name, "time.clock" | "time.date").then_some(3)
    }
}
