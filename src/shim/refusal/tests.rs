use super::*;

#[test]
fn each_refusal_is_told_once_with_what_to_change() {
    let refusals = Refusals::default();
    for (code, setting) in [
        (Code::ServerNotAllowed, "`servers`"),
        (Code::Unauthenticated, "`[[callers]]`"),
        (Code::SubjectNotAllowed, "`subjects`"),
    ] {
        let (told, advice) = refusals.news(&code.reason()).unwrap();
        assert_eq!(told, code.as_str());
        assert!(advice.contains(setting), "{advice}");
        assert_eq!(refusals.news(&code.reason()), None);
    }
}

#[test]
fn what_policies_and_limits_say_is_nothing_to_configure_here() {
    let refusals = Refusals::default();
    let of_policy = Reason {
        origin: Origin::Policy,
        ..Code::ServerNotAllowed.reason()
    };
    for reason in [of_policy, Code::PolicyTooOld.reason()] {
        assert_eq!(refusals.news(&reason), None);
    }
}
