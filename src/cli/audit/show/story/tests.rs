use super::no_outcome;
use crate::model::json::{Json, Object};

#[test]
fn a_missing_outcome_is_told_by_what_the_decision_was_on() {
    for (phase, effect, expected) in [
        (
            "call",
            "allow",
            "nobody has reported an outcome to this log",
        ),
        (
            "call",
            "constrain",
            "nobody has reported an outcome to this log",
        ),
        ("call", "deny", "nothing: the call did not go through"),
        (
            "result",
            "allow",
            "see the decision on the call itself, which has the outcome: `--correlation c:6`",
        ),
        ("list", "allow", "nothing: outcomes are of calls alone"),
    ] {
        let decision = Object::from_iter([
            ("phase", Json::from(phase)),
            ("effect", Json::from(effect)),
            ("correlation_id", Json::from("c:6")),
        ]);
        assert_eq!(no_outcome(&decision), expected, "{phase} {effect}");
    }
}
