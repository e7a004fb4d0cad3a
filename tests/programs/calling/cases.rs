//! What the programs are asked to do, and how it has to end.

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pdp {
    /// `toolgate serve` over TLS.
    Real,
    /// The same, on its Unix socket.
    Unix,
    /// One that breaks its word in the way that the tool's name says.
    Misbehaving,
    /// An address at which nobody listens.
    Nobody,
}

/// How a call ends.
#[derive(Clone, Copy, Debug)]
pub enum Ends {
    /// The tool got these bytes, and these of its result were shown.
    Shown {
        forwarded: &'static str,
        shown: &'static str,
    },
    /// The tool got nothing.
    Denied { code: &'static str },
    /// The tool got these bytes, and nothing of its result was shown.
    Withheld {
        forwarded: &'static str,
        code: &'static str,
    },
}

/// One call.
pub struct Case {
    pub name: &'static str,
    pub pdp: Pdp,
    /// The directory of the client's certificate.
    pub certs: &'static str,
    pub tool: &'static str,
    pub params: &'static str,
    pub result: &'static str,
    pub ends: Ends,
}

/// Neither spaces nor numbers may change on the way.
const READ: &str = r#"{ "name": "read", "arguments": {"id": 9007199254740993, "price": 0.10} }"#;
const RESULT: &str = r#"{ "structuredContent": {"email": "ann@example.com"} }"#;
const MASKED: &str = r#"{"structuredContent":{"email":"***"}}"#;
const PROSE: &str = r#"{"content":[{"type":"text","text":"email: ann@example.com"}]}"#;
const UNSUPPORTED: &str = "obligation_unsupported";
const SHOWN: Ends = Ends::Shown {
    forwarded: READ,
    shown: RESULT,
};

const fn real(name: &'static str, tool: &'static str, params: &'static str, ends: Ends) -> Case {
    Case {
        name,
        pdp: Pdp::Real,
        certs: "known",
        tool,
        params,
        result: RESULT,
        ends,
    }
}

const fn denied(code: &'static str) -> Ends {
    Ends::Denied { code }
}

const fn elsewhere(name: &'static str, pdp: Pdp, certs: &'static str, ends: Ends) -> Case {
    Case {
        pdp,
        certs,
        ..real(name, "read", READ, ends)
    }
}

const fn misbehaving(tool: &'static str, ends: Ends) -> Case {
    Case {
        pdp: Pdp::Misbehaving,
        ..real(tool, tool, READ, ends)
    }
}

pub const CASES: &[Case] = &[
    real("granted", "read", READ, SHOWN),
    elsewhere("granted on the socket", Pdp::Unix, "known", SHOWN),
    real(
        "denied by a policy",
        "delete",
        r#"{"name":"delete"}"#,
        denied("crm.delete"),
    ),
    real(
        "granted by nobody",
        "other",
        r#"{"name":"other"}"#,
        denied("no_matching_allow"),
    ),
    real(
        "to be approved first",
        "pay",
        r#"{"name":"pay","arguments":{}}"#,
        denied("crm.pay"),
    ),
    real(
        "rewritten, and the result masked",
        "search",
        r#"{"name":"search","arguments":{"id":9007199254740993,"limit":5000}}"#,
        Ends::Shown {
            forwarded: r#"{"name":"search","arguments":{"id":9007199254740993,"limit":10}}"#,
            shown: MASKED,
        },
    ),
    Case {
        result: PROSE,
        ..real(
            "the result cannot be masked",
            "withheld",
            r#"{"name":"withheld"}"#,
            Ends::Withheld {
                forwarded: r#"{"name":"withheld"}"#,
                code: "result_withheld",
            },
        )
    },
    real("no JSON", "read", "{", denied("malformed_request")),
    elsewhere(
        "a caller that is not known",
        Pdp::Real,
        "unknown",
        denied("unauthenticated"),
    ),
    elsewhere(
        "another PDP",
        Pdp::Real,
        "other_authority",
        denied("pdp_unavailable"),
    ),
    elsewhere("no PDP", Pdp::Nobody, "known", denied("pdp_unavailable")),
    misbehaving("effect_unspecified", denied("no decision")),
    misbehaving("effect_unknown", denied("no decision")),
    misbehaving("other_digest", denied("internal")),
    misbehaving("left_to_nobody", denied(UNSUPPORTED)),
    misbehaving("left_to_the_shim", denied(UNSUPPORTED)),
    misbehaving("broken", denied("pdp_unavailable")),
    misbehaving("never_answers", denied("pdp_unavailable")),
    misbehaving("away", denied("pdp_unavailable")),
    misbehaving("away_once", SHOWN),
];

/// How it ends for this language. The shell script goes on only where nothing is to be changed, and
/// does not look at results.
pub fn expected(language: &str, case: &Case) -> Ends {
    let constrained = denied("EFFECT_CONSTRAIN");
    match case.ends {
        ends if language != "grpcurl" => ends,
        Ends::Shown { forwarded, .. } if forwarded != case.params => constrained,
        Ends::Withheld { .. } => constrained,
        Ends::Denied { code } if code == UNSUPPORTED => constrained,
        ends => ends,
    }
}
