//! Who else vouches: witnesses, a key for the one after it, a proof for one record.

use super::signed::{kept, note};
use super::stored::{Made, ORIGIN, Stored, chained, key, made};
use super::*;
use crate::audit::sign::SigningKey;
use crate::model::json::Object;
use crate::tlog::{
    Hash, KeyKind, Note, Signature, TlogProof, VerifierKey, cosigned_text, leaf_hash, root_of_empty,
};

/// A witness: its key, and what it cosigns.
struct Witness {
    key: Arc<SigningKey>,
    verifier: VerifierKey,
}

impl Witness {
    fn new(name: &str) -> Self {
        let key = key();
        let public = *key.verifier(name).unwrap().public();
        let verifier = VerifierKey::new(name, KeyKind::Witness, public).unwrap();
        Self { key, verifier }
    }

    fn cosign(&self, text: &str, time_s: u64) -> Signature {
        let signed = self.key.sign(&self.verifier, &cosigned_text(time_s, text));
        Signature {
            bytes: [&time_s.to_be_bytes(), signed.bytes.as_slice()].concat(),
            ..signed
        }
    }

    /// Puts its line under a checkpoint of the log.
    fn add(&self, log: &mut Stored, path: &str, time_s: u64, spoil: impl Fn(&mut Signature)) {
        let mut note = Note::parse(&log.files[path]).unwrap();
        let mut signature = self.cosign(note.text(), time_s);
        spoil(&mut signature);
        note.add(signature).unwrap();
        log.files
            .insert(path.to_owned(), note.to_string().into_bytes());
    }
}

fn with_witnesses(made: &Made, witnesses: &[&Witness]) -> Expected {
    Expected {
        witnesses: witnesses
            .iter()
            .map(|witness| witness.verifier.clone())
            .collect(),
        ..made.expected()
    }
}

/// Which checkpoints at which time; the size and the time that are told.
type Cosigned<'a> = (&'a [(&'a str, u64)], u64, u64);

#[test]
fn the_largest_size_that_a_witness_has_cosigned_is_told() {
    let made = made();
    let start = made.log.starts()[0];
    let of_start = kept(start);
    let (one, two) = (Witness::new("wit.example/1"), Witness::new("wit.example/2"));
    let cases: [Cosigned<'_>; 3] = [
        (&[("checkpoint", 1_795_190_401)], 600, 1_795_190_401),
        (&[(of_start.as_str(), 5)], start, 5),
        (&[(of_start.as_str(), 5), ("checkpoint", 4)], 600, 4),
    ];
    for (cosigned, size, time_s) in cases {
        let mut log = made.log.clone();
        for (path, time_s) in cosigned {
            one.add(&mut log, path, *time_s, |_| ());
        }
        let signed = log.check(&with_witnesses(made, &[&one])).unwrap().signed;
        let name = "wit.example/1".to_owned();
        assert_eq!(signed.witnesses, [Witnessed { name, size, time_s }]);
        // Nobody asked for it, nobody is told.
        assert_eq!(log.check(&made.expected()).unwrap().signed.witnesses, []);
        let fault = log.check(&with_witnesses(made, &[&one, &two])).unwrap_err();
        let said = "`checkpoint` (seq 0): no checkpoint is cosigned by witness `wit.example/2`";
        assert_eq!(fault.to_string(), said);
    }
    let fault = made.log.check(&with_witnesses(made, &[&one])).unwrap_err();
    assert!(matches!(fault.what, Wrong::NotWitnessed { .. }), "{fault}");
}

#[test]
fn a_forged_cosignature_is_found_under_any_checkpoint() {
    let made = made();
    let one = Witness::new("wit.example/1");
    let spoils: [fn(&mut Signature); 4] = [
        |signature| signature.bytes[0] ^= 1,
        |signature| signature.bytes[7] ^= 1,
        |signature| *signature.bytes.last_mut().unwrap() ^= 1,
        |signature| signature.bytes.truncate(7),
    ];
    for path in ["checkpoint".to_owned(), kept(made.log.starts()[0])] {
        for spoil in spoils {
            let mut log = made.log.clone();
            one.add(&mut log, &path, 5, spoil);
            let fault = log.check(&with_witnesses(made, &[&one])).unwrap_err();
            assert!(matches!(fault.what, Wrong::Signature { .. }), "{fault}");
            assert_eq!(fault.file, path);
        }
    }
}

/// A record that says that `next` follows `previous`, and what both signed.
fn rotation(previous: &str, next: &str, note: Vec<u8>) -> Object {
    Object::from_iter([
        ("type", Json::from("key_rotated")),
        ("previous", previous.into()),
        ("next", next.into()),
        ("note", String::from_utf8(note).unwrap().into()),
    ])
}

#[test]
fn a_change_of_the_key_has_to_be_signed_by_both() {
    let [a, b, c] = [key(), key(), key()];
    let vkey = |key: &SigningKey| key.verifier(ORIGIN).unwrap();
    let over = |root: Hash, seq: u64, from: &VerifierKey, to: &VerifierKey| {
        format!("toolgate audit key rotated\n{ORIGIN}\n{seq}\n{root}\n{from}\n{to}\n")
    };
    let said =
        |seq: u64, from: &VerifierKey, to: &VerifierKey| over(root_of_empty(), seq, from, to);
    let by = |text: &str, keys: &[&SigningKey]| {
        let signatures = keys.iter().map(|key| key.sign(&vkey(key), text));
        note(text, signatures.collect::<Vec<_>>())
    };
    let change = |root: Hash, seq: u64, from: &SigningKey, to: &SigningKey| {
        let text = over(root, seq, &vkey(from), &vkey(to));
        let (previous, next) = (vkey(from).to_string(), vkey(to).to_string());
        rotation(&previous, &next, by(&text, &[from, to]))
    };
    // Two changes, the second over the first.
    let twice = |from: &SigningKey, to: &SigningKey| {
        let first = change(root_of_empty(), 0, &a, &b);
        let alone = chained([first.clone()]);
        let line = alone.files.values().next().unwrap().strip_suffix(b"\n");
        vec![first, change(leaf_hash(line.unwrap()), 1, from, to)]
    };
    let (from, to) = (vkey(&a), vkey(&b));
    let good = said(0, &from, &to);
    let with = |previous: &VerifierKey, next: &VerifierKey, text: &str, keys: &[&SigningKey]| {
        vec![rotation(
            &previous.to_string(),
            &next.to_string(),
            by(text, keys),
        )]
    };
    let elsewhere = b.verifier("pdp/2").unwrap();
    let witness = VerifierKey::new(ORIGIN, KeyKind::Witness, *to.public()).unwrap();
    let forged = {
        let mut signature = c.sign(&vkey(&c), &good);
        signature.key_id = to.id();
        let signatures = [a.sign(&from, &good), signature];
        vec![rotation(
            &from.to_string(),
            &to.to_string(),
            note(&good, signatures),
        )]
    };
    let not_of_log = "`next` is no key of this log";
    let other = "what was signed is something else";
    let cases = [
        (with(&from, &to, &good, &[&a, &b]), ""),
        (twice(&b, &c), ""),
        (vec![change(leaf_hash(b"other"), 0, &a, &b)], other),
        (with(&from, &to, &good, &[&a]), "is not signed with key"),
        (with(&from, &to, &good, &[&b]), "is not signed with key"),
        (forged, "does not hold"),
        (with(&from, &to, &said(1, &from, &to), &[&a, &b]), other),
        (with(&from, &to, &said(0, &to, &from), &[&a, &b]), other),
        (
            with(&from, &elsewhere, &said(0, &from, &elsewhere), &[&a, &b]),
            not_of_log,
        ),
        (
            with(&from, &witness, &said(0, &from, &witness), &[&a, &b]),
            not_of_log,
        ),
        (
            with(&elsewhere, &to, &said(0, &elsewhere, &to), &[&a, &b]),
            "`previous` is no key",
        ),
        (
            vec![rotation("x", &to.to_string(), by(&good, &[&a]))],
            "`x` is no verifier key",
        ),
        (
            vec![rotation(&from.to_string(), &to.to_string(), b"x".to_vec())],
            "not a signed note",
        ),
        (twice(&a, &c), "is not the key that the change before"),
        (twice(&c, &a), "is not the key that the change before"),
    ];
    for (records, wrong) in cases {
        let last = records.len() as u64 - 1;
        let log = chained(records);
        match (wrong, log.check(&Expected::default())) {
            ("", found) => drop(found.unwrap()),
            (wrong, Err(fault)) => {
                assert!(matches!(fault.what, Wrong::Rotation(_)), "{fault}");
                assert!(fault.to_string().contains(wrong), "{wrong}: {fault}");
                assert_eq!((fault.seq, fault.line), (last, last + 1));
            }
            (wrong, found) => panic!("{wrong}: {found:?}"),
        }
    }
}

#[test]
fn a_proof_is_of_one_record_of_one_log_by_one_key() {
    let made = made();
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in &made.log.files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let proofs = crate::audit::prove::LogProofs::new(dir.path(), Arc::new(OsFiles));
    let proof = proofs.inclusion(17, 0).unwrap().to_string();
    let content = String::from_utf8(made.log.files["log-00000000000000000000.jsonl"].clone());
    let content = content.unwrap();
    let line = |seq: usize| content.lines().nth(seq).unwrap().as_bytes().to_vec();
    let [first, last] = made.verifiers();
    let shown = Proved {
        origin: ORIGIN.to_owned(),
        seq: 17,
        size: 600,
    };
    assert_eq!(check_proof(&proof, &line(17), &last).unwrap(), shown);
    let altered = String::from_utf8(line(17)).unwrap().replace("2026", "2027");
    let of_other = String::from_utf8(line(17))
        .unwrap()
        .replace("pdp/1", "pdp/2");
    let mut parsed: TlogProof = proof.parse().unwrap();
    parsed.index = 16;
    let moved = parsed.to_string();
    // The same leaf, and a checkpoint in the name of another log that the same key signs.
    let checkpoint = parsed.checkpoint.text().replacen(ORIGIN, "pdp/2", 1);
    let elsewhere = made.keys[1].verifier("pdp/2").unwrap();
    let foreign = note(&checkpoint, [made.keys[1].sign(&elsewhere, &checkpoint)]);
    parsed.index = 17;
    parsed.checkpoint = Note::parse(&foreign).unwrap();
    let foreign = parsed.to_string();
    let cases = [
        (
            proof.as_str(),
            altered.into_bytes(),
            &last,
            "leads to another root",
        ),
        (
            &proof,
            of_other.into_bytes(),
            &last,
            "leads to another root",
        ),
        (&proof, line(18), &last, "leads to another root"),
        (&proof, line(17), &first, "is not signed with key"),
        (&proof, b"{}".to_vec(), &last, "the record: field `type`"),
        ("x", line(17), &last, "not a tlog-proof"),
        (&moved, line(17), &last, "leads to another root"),
        (
            &foreign,
            line(17),
            &elsewhere,
            "the record is seq 17 of `pdp/1`",
        ),
    ];
    for (proof, line, key, wrong) in cases {
        let fault = check_proof(proof, &line, key).unwrap_err().to_string();
        assert!(fault.contains(wrong), "{wrong}: {fault}");
    }
}
