use super::*;
use crate::bundle::testing::bundle;
use crate::bundle::verify::verify;

fn put(shelf: &mut Shelf, name: &str, pinned: Option<&str>) {
    let text = format!("package {name}\n");
    let sources = verify(vec![bundle("demo", &[("a.rego", &text)])]).unwrap();
    let held = Held {
        revision: name.to_owned(),
        digest: name.to_owned(),
        since: Timestamp::from_nanos(1),
    };
    shelf.put(held, sources, pinned);
}

/// What is put, which set is pinned then, and what is held after it, newest first.
type Step = (&'static str, Option<&'static str>, &'static [&'static str]);

#[test]
fn the_newest_and_so_many_earlier_sets_are_held_and_the_pinned_one_always() {
    let cases: &[(usize, &[Step])] = &[
        (0, &[("a", None, &["a"]), ("b", None, &["b"])]),
        (
            2,
            &[
                ("a", None, &["a"]),
                ("b", None, &["b", "a"]),
                ("c", None, &["c", "b", "a"]),
                ("d", None, &["d", "c", "b"]),
                // One that comes back is not held twice.
                ("b", None, &["b", "d", "c"]),
                ("e", Some("c"), &["e", "b", "c"]),
                ("f", Some("c"), &["f", "e", "c"]),
                ("g", None, &["g", "f", "e"]),
            ],
        ),
        (
            0,
            &[
                ("a", None, &["a"]),
                ("b", Some("a"), &["b", "a"]),
                ("c", None, &["c"]),
            ],
        ),
    ];
    for (earlier_max, steps) in cases {
        let mut shelf = Shelf::new(*earlier_max);
        for (name, pinned, expected) in *steps {
            put(&mut shelf, name, *pinned);
            let held: Vec<_> = shelf.list().into_iter().map(|held| held.digest).collect();
            assert_eq!(held, *expected, "{earlier_max}: {name}");
            assert_eq!(shelf.newest().unwrap().0.digest, *name);
            assert!(shelf.find(name).is_some() && shelf.find("z").is_none());
        }
    }
}
