//! The model finds what it is there to find.

use super::model::{Answer, Clock, Content, Lost, Model, Tenant, Timeline, Verdict, answer};
use super::scene::TENANTS;
use toolgate::wire::v1::Effect;

fn content(rules: u32) -> Content {
    Content {
        rules,
        data: 1,
        writes: false,
        extra: None,
        more: 1,
    }
}

/// `acme` went from the first set to the second, of which the callers heard at moment `seen`, with
/// the second key in the place of the first; `globex` never changed.
fn changed() -> (Model, Clock, [u64; 3]) {
    let clock = Clock::default();
    let mut model = Model {
        tenants: TENANTS.map(Tenant::new),
        keys: Timeline::new(),
        restarts: Timeline::new(),
    };
    model.restarts.settle(&clock, false);
    model.keys.settle(&clock, 0);
    for tenant in &mut model.tenants {
        tenant.sets.settle(&clock, Some(content(1)));
    }
    let before = clock.now();
    model.tenants[0].sets.open(&clock, Some(content(2)));
    model.keys.open(&clock, 1);
    let between = clock.now();
    model.tenants[0].sets.settle(&clock, Some(content(2)));
    model.keys.settle(&clock, 1);
    let after = clock.now();
    (model, clock, [before, between, after])
}

fn verdict(tenant: usize, key: Option<usize>, at: u64, answer: Answer) -> Verdict {
    Verdict {
        life: 0,
        tenant,
        tool: "crm/read",
        key,
        asked: at,
        answered: at,
        id: "1".to_owned(),
        digest: format!("{answer:?}"),
        answer,
        version: 1,
    }
}

#[test]
fn what_was_not_in_force_is_wrong() {
    let (mut model, _, [before, between, after]) = changed();
    let of = |tenant: usize, rules| answer(TENANTS[tenant], Some(&content(rules)), "crm/read");
    let none = || answer("acme", None, "crm/read");
    let nobody = |code: &str| (Effect::Deny, vec![code.to_owned()]);
    let (effect, codes) = of(0, 1);
    assert_eq!(effect, Effect::Allow);
    let cases = [
        (0, None, before, of(0, 1), true),
        (0, None, before, of(0, 2), false),
        (0, None, between, of(0, 1), true),
        (0, None, between, of(0, 2), true),
        (0, None, after, of(0, 1), false),
        (0, None, after, of(0, 2), true),
        // Never in force, another tenant's, none at all, and half of one.
        (0, None, between, of(0, 3), false),
        (0, None, between, of(1, 1), false),
        (1, None, between, of(1, 1), true),
        (1, None, between, of(1, 2), false),
        (0, None, between, none(), false),
        (0, None, before, (Effect::Deny, codes.clone()), false),
        (0, None, before, (effect, codes[1..].to_vec()), false),
        (0, None, before, nobody("unauthenticated"), false),
        // The keys.
        (0, Some(0), before, of(0, 1), true),
        (0, Some(0), before, nobody("unauthenticated"), false),
        (0, Some(1), before, of(0, 1), false),
        (0, Some(1), before, nobody("unauthenticated"), true),
        (0, Some(1), before, nobody("tenant_unknown"), false),
        (0, Some(1), between, nobody("tenant_unknown"), true),
        (0, Some(0), after, of(0, 2), false),
        (0, Some(0), after, nobody("unauthenticated"), true),
        (0, Some(1), after, of(0, 2), true),
    ];
    for (tenant, key, at, answer, is_right) in cases {
        let verdict = verdict(tenant, key, at, answer);
        let said = model.check(&verdict);
        assert_eq!(said.is_ok(), is_right, "{verdict:?}: {said:?}");
    }
}

#[test]
fn a_digest_names_one_content_and_a_content_has_one_digest() {
    let (mut model, _, [before, ..]) = changed();
    let first = answer("acme", Some(&content(1)), "crm/read");
    let known = verdict(0, None, before, first);
    model.check(&known).unwrap();
    let digest = "another".to_owned();
    model
        .check(&Verdict {
            digest,
            ..known.clone()
        })
        .unwrap_err();
    let tenant = &mut model.tenants[0];
    tenant.name(&known.digest, &content(2)).unwrap_err();
    tenant.name(&known.digest, &content(1)).unwrap();
}

#[test]
fn an_error_needs_a_restart() {
    let (mut model, clock, _) = changed();
    let lost = |at| Lost {
        asked: at,
        answered: at,
        why: "gone".to_owned(),
    };
    let before = clock.now();
    model.restarts.open(&clock, true);
    let during = clock.now();
    model.restarts.settle(&clock, false);
    let after = clock.now();
    for (at, is_right) in [(before, false), (during, true), (after, false)] {
        assert_eq!(model.check_lost(&lost(at)).is_ok(), is_right, "{at}");
    }
}
