//! The builtins that a policy may call.
//!
//! Each was compared with OPA over edge values of all types (`tests/differential`). A builtin that
//! is not listed is refused: that is the rule for what nobody compared yet, and for what differs.

/// What is asked of the arguments of a builtin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// Anything: an argument that does not fit makes the call undefined, as in OPA.
    Any,
    /// The first argument is a pattern, written out, in the syntax that both regex engines share.
    Pattern,
    /// The format is written out, with `%s`, `%d`, `%v` and `%%` alone, and the values are listed.
    Format,
    /// The argument at this index is a string, written out and not empty.
    NotEmpty(usize),
}

/// A builtin on the allow-list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) arity: usize,
    pub(crate) arguments: Arguments,
    /// Whether the call has a value whenever its arguments have.
    pub(crate) total: bool,
}

const fn partial(name: &'static str, arity: usize) -> Builtin {
    Builtin {
        name,
        arity,
        arguments: Arguments::Any,
        total: false,
    }
}

const fn total(name: &'static str, arity: usize) -> Builtin {
    Builtin {
        name,
        arity,
        arguments: Arguments::Any,
        total: true,
    }
}

/// The builtins that both evaluators may run.
pub(crate) const BUILTINS: &[Builtin] = &[
    partial("array.concat", 2),
    partial("array.reverse", 1),
    partial("array.slice", 3),
    partial("base64.decode", 1),
    partial("base64.encode", 1),
    total("base64.is_valid", 1),
    partial("base64url.encode", 1),
    partial("base64url.encode_no_pad", 1),
    partial("bits.and", 2),
    partial("bits.negate", 1),
    partial("bits.or", 2),
    partial("bits.xor", 2),
    partial("concat", 2),
    partial("contains", 2),
    partial("count", 1),
    partial("endswith", 2),
    partial("graph.reachable", 2),
    partial("hex.decode", 1),
    partial("hex.encode", 1),
    partial("indexof", 2),
    partial("intersection", 1),
    total("is_array", 1),
    total("is_boolean", 1),
    total("is_null", 1),
    total("is_number", 1),
    total("is_object", 1),
    total("is_set", 1),
    total("is_string", 1),
    partial("json.unmarshal", 1),
    partial("lower", 1),
    partial("max", 1),
    partial("min", 1),
    partial("net.cidr_contains", 2),
    total("net.cidr_is_valid", 1),
    partial("object.filter", 2),
    partial("object.get", 3),
    partial("object.keys", 1),
    partial("object.remove", 2),
    partial("object.union", 2),
    partial("object.union_n", 1),
    Builtin {
        arguments: Arguments::Pattern,
        ..partial("regex.match", 2)
    },
    Builtin {
        arguments: Arguments::NotEmpty(1),
        ..partial("replace", 3)
    },
    partial("semver.compare", 2),
    total("semver.is_valid", 1),
    partial("sort", 1),
    partial("split", 2),
    Builtin {
        arguments: Arguments::Format,
        ..total("sprintf", 2)
    },
    partial("startswith", 2),
    partial("strings.any_prefix_match", 2),
    partial("strings.any_suffix_match", 2),
    Builtin {
        arguments: Arguments::NotEmpty(1),
        ..partial("strings.count", 2)
    },
    partial("strings.replace_n", 2),
    partial("strings.reverse", 1),
    partial("substring", 3),
    partial("time.clock", 1),
    partial("time.date", 1),
    partial("time.diff", 2),
    partial("time.parse_duration_ns", 1),
    partial("time.parse_rfc3339_ns", 1),
    partial("time.weekday", 1),
    partial("to_number", 1),
    partial("trim", 2),
    partial("trim_left", 2),
    partial("trim_prefix", 2),
    partial("trim_right", 2),
    partial("trim_space", 1),
    partial("trim_suffix", 2),
    total("type_name", 1),
    partial("union", 1),
    partial("upper", 1),
];

/// Why a builtin is not on the list, and what to write instead: shown in place of "not on the
/// list" for those that authors will look for.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "time.now_ns",
        "reads the clock, so that a decision could not be replayed",
        "use `input.time.ns`",
    ),
    (
        "opa.runtime",
        "reads the process, which is no input of a decision",
        "put the value into data",
    ),
    (
        "http.send",
        "calls out while a decision is made",
        "put what it would read into data or facts",
    ),
    (
        "rand.intn",
        "is random, so that a decision could not be replayed",
        "",
    ),
    (
        "uuid.rfc4122",
        "is random, so that a decision could not be replayed",
        "use `input.context.correlation_id`",
    ),
    (
        "trace",
        "writes while a decision is made",
        "use `toolgate test` to see values",
    ),
    (
        "print",
        "writes while a decision is made",
        "remove it; `toolgate test` shows values",
    ),
    (
        "glob.match",
        "matches some strings otherwise than OPA does",
        "use startswith, endswith or regex.match",
    ),
    (
        "numbers.range",
        "can use all memory",
        "list the numbers, or compare with `>=` and `<=`",
    ),
    (
        "numbers.range_step",
        "can use all memory or panic",
        "list the numbers",
    ),
    (
        "net.cidr_expand",
        "can use all memory",
        "use net.cidr_contains",
    ),
    (
        "units.parse",
        "can run for minutes",
        "keep sizes as numbers",
    ),
    (
        "units.parse_bytes",
        "can run for minutes",
        "keep sizes as numbers of bytes",
    ),
    (
        "json.marshal",
        "escapes strings otherwise than OPA does",
        "compare the values themselves",
    ),
    (
        "object.subset",
        "answers some types otherwise than OPA does, and panics for `[]`",
        "use `every k, v in sub { sup[k] == v }`",
    ),
    (
        "sum",
        "adds fractions otherwise than OPA does",
        "let the caller give the total",
    ),
    (
        "product",
        "multiplies fractions otherwise than OPA does",
        "let the caller give the product",
    ),
];

/// The builtin of this name, if it is allowed.
#[must_use]
pub(crate) fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// Why it is refused, and what to write instead.
#[must_use]
pub(crate) fn refused(name: &str) -> (String, &'static str) {
    match REFUSED.iter().find(|(refused, ..)| *refused == name) {
        Some((_, why, instead)) => (format!("`{name}` is refused: it {why}"), instead),
        None => (
            format!("`{name}` is not on the list of allowed builtins"),
            "see the list in docs/policy-guide.md",
        ),
    }
}
