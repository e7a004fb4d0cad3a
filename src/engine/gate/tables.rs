//! The builtins that a policy may call.
//!
//! Each was compared with OPA over edge values of all types (`tests/differential`). A builtin that
//! is not listed is refused: that is the rule for what nobody compared yet, and for what differs.

use super::kinds::Kind;

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

/// When a call has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// Not even for arguments of the right kinds.
    Never,
    /// Whenever its arguments have one.
    Always,
    /// If the arguments are of these kinds; `None` takes any kind.
    For(&'static [Option<Kind>]),
    /// If the argument is text or a collection.
    ForCountable,
}

/// A builtin on the allow-list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) arity: usize,
    pub(crate) arguments: Arguments,
    pub(crate) total: Total,
    /// The kind of its value, where it has one kind.
    pub(crate) gives: Option<Kind>,
}

impl Builtin {
    /// Whether a call has a value, given the kinds of its arguments, which have one.
    #[must_use]
    pub(crate) fn is_total_for(&self, kinds: &[Option<Kind>]) -> bool {
        match self.total {
            Total::Never => false,
            Total::Always => true,
            Total::For(wanted) => {
                wanted.len() == kinds.len()
                    && wanted
                        .iter()
                        .zip(kinds)
                        .all(|(wanted, kind)| wanted.is_none() || wanted == kind)
            }
            Total::ForCountable => matches!(
                kinds,
                [Some(Kind::Text | Kind::Array | Kind::Set | Kind::Object)]
            ),
        }
    }

    const fn total(self, total: Total) -> Self {
        Self { total, ..self }
    }

    const fn arguments(self, arguments: Arguments) -> Self {
        Self { arguments, ..self }
    }
}

const fn of(kind: Option<Kind>, name: &'static str, arity: usize) -> Builtin {
    Builtin {
        name,
        arity,
        arguments: Arguments::Any,
        total: Total::Never,
        gives: kind,
    }
}

const fn text(name: &'static str, arity: usize) -> Builtin {
    of(Some(Kind::Text), name, arity)
}

const fn integer(name: &'static str, arity: usize) -> Builtin {
    of(Some(Kind::Integer), name, arity)
}

const fn truth(name: &'static str, arity: usize) -> Builtin {
    of(Some(Kind::Truth), name, arity)
}

const fn array(name: &'static str, arity: usize) -> Builtin {
    of(Some(Kind::Array), name, arity)
}

const fn set(name: &'static str, arity: usize) -> Builtin {
    of(Some(Kind::Set), name, arity)
}

const fn object(name: &'static str, arity: usize) -> Builtin {
    of(Some(Kind::Object), name, arity)
}

const fn any(name: &'static str, arity: usize) -> Builtin {
    of(None, name, arity)
}

const ONE_TEXT: Total = Total::For(&[Some(Kind::Text)]);
const TWO_TEXTS: Total = Total::For(&[Some(Kind::Text), Some(Kind::Text)]);

/// The builtins that both evaluators may run.
pub(crate) const BUILTINS: &[Builtin] = &[
    array("array.concat", 2).total(Total::For(&[Some(Kind::Array), Some(Kind::Array)])),
    array("array.reverse", 1).total(Total::For(&[Some(Kind::Array)])),
    array("array.slice", 3),
    text("base64.decode", 1),
    text("base64.encode", 1).total(ONE_TEXT),
    truth("base64.is_valid", 1).total(Total::Always),
    text("base64url.encode", 1).total(ONE_TEXT),
    text("base64url.encode_no_pad", 1).total(ONE_TEXT),
    integer("bits.and", 2),
    integer("bits.negate", 1),
    integer("bits.or", 2),
    integer("bits.xor", 2),
    integer("ceil", 1),
    text("concat", 2),
    truth("contains", 2).total(TWO_TEXTS),
    integer("count", 1).total(Total::ForCountable),
    truth("endswith", 2).total(TWO_TEXTS),
    integer("floor", 1),
    set("graph.reachable", 2).total(Total::For(&[Some(Kind::Object), Some(Kind::Set)])),
    text("hex.decode", 1),
    text("hex.encode", 1).total(ONE_TEXT),
    integer("indexof", 2),
    set("intersection", 1),
    truth("is_array", 1).total(Total::Always),
    truth("is_boolean", 1).total(Total::Always),
    truth("is_null", 1).total(Total::Always),
    truth("is_number", 1).total(Total::Always),
    truth("is_object", 1).total(Total::Always),
    truth("is_set", 1).total(Total::Always),
    truth("is_string", 1).total(Total::Always),
    any("json.unmarshal", 1),
    text("lower", 1).total(ONE_TEXT),
    any("max", 1),
    any("min", 1),
    truth("net.cidr_contains", 2),
    truth("net.cidr_is_valid", 1).total(Total::Always),
    object("object.filter", 2),
    any("object.get", 3).total(Total::For(&[Some(Kind::Object), None, None])),
    set("object.keys", 1).total(Total::For(&[Some(Kind::Object)])),
    object("object.remove", 2),
    object("object.union", 2).total(Total::For(&[Some(Kind::Object), Some(Kind::Object)])),
    object("object.union_n", 1),
    truth("regex.match", 2).arguments(Arguments::Pattern),
    text("replace", 3).arguments(Arguments::NotEmpty(1)),
    integer("round", 1),
    array("sort", 1),
    array("split", 2).total(TWO_TEXTS),
    text("sprintf", 2)
        .arguments(Arguments::Format)
        .total(Total::Always),
    truth("startswith", 2).total(TWO_TEXTS),
    truth("strings.any_prefix_match", 2),
    truth("strings.any_suffix_match", 2),
    integer("strings.count", 2).arguments(Arguments::NotEmpty(1)),
    text("strings.reverse", 1).total(ONE_TEXT),
    text("substring", 3),
    array("time.clock", 1),
    array("time.date", 1),
    integer("time.parse_rfc3339_ns", 1),
    text("time.weekday", 1),
    any("to_number", 1),
    text("trim", 2).total(TWO_TEXTS),
    text("trim_left", 2).total(TWO_TEXTS),
    text("trim_prefix", 2).total(TWO_TEXTS),
    text("trim_right", 2).total(TWO_TEXTS),
    text("trim_space", 1).total(ONE_TEXT),
    text("trim_suffix", 2).total(TWO_TEXTS),
    text("type_name", 1).total(Total::Always),
    set("union", 1),
    text("upper", 1).total(ONE_TEXT),
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
        "walk",
        "visits what the register machine cannot",
        "name the members, or use `some k, v in object`",
    ),
    (
        "abs",
        "rounds long numbers otherwise than OPA does",
        "compare with both signs: `x < 5` and `x > -5`",
    ),
    ("bits.lsh", "can use all memory", "multiply"),
    (
        "json.patch",
        "was not compared with OPA for all operations",
        "use object.union and object.remove",
    ),
    (
        "time.parse_ns",
        "panics for some layouts",
        "use time.parse_rfc3339_ns",
    ),
    (
        "time.diff",
        "differs from OPA where a change to summer time lies between",
        "subtract the nanoseconds",
    ),
    (
        "time.parse_duration_ns",
        "panics for some texts, and knows no days",
        "keep durations as numbers of nanoseconds",
    ),
    (
        "semver.compare",
        "refuses versions that OPA takes",
        "compare with regex.match, or keep parts as numbers",
    ),
    (
        "semver.is_valid",
        "refuses versions that OPA takes",
        "use regex.match",
    ),
    (
        "time.format",
        "writes fractions of a second otherwise than OPA does",
        "use time.date and time.clock",
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
        "strings.replace_n",
        "replaces one after the other, where OPA replaces all at once",
        "nest calls of replace",
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

/// Why a builtin is refused, and what to write instead.
#[must_use]
pub(crate) fn refused(name: &str) -> (String, &'static str) {
    known_to_be_refused(name).unwrap_or_else(|| {
        (
            format!("`{name}` is not on the list of allowed builtins"),
            "see the list in docs/policy-guide.md",
        )
    })
}

/// The same, where there is more to say than that it is not on the list.
#[must_use]
pub(crate) fn known_to_be_refused(name: &str) -> Option<(String, &'static str)> {
    REFUSED
        .iter()
        .find(|(refused, ..)| *refused == name)
        .map(|(_, why, instead)| (format!("`{name}` is refused: it {why}"), *instead))
}
