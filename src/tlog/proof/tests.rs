//! Against `ct-merkle`, which is somebody else's.

use super::{ProofWrong, TlogProof, check_consistency, check_inclusion};
use crate::tlog::{Hash, Note, Signature};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;

type Tree = MemoryBackedTree<Sha256, Vec<u8>>;

fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::new();
    (0..size).for_each(|index| tree.push(leaf(index)));
    tree
}

fn root(tree: &Tree) -> Hash {
    Hash::from_slice(tree.root().as_bytes()).unwrap()
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes
        .chunks(32)
        .map(|hash| Hash::from_slice(hash).unwrap())
        .collect()
}

#[test]
fn every_proof_of_small_logs_holds_and_no_other_one() {
    for size in 1..40 {
        let tree = tree(size);
        let root = root(&tree);
        for index in 0..size {
            let proof = hashes(tree.prove_inclusion(index as usize).as_bytes());
            let check =
                |index, proof: &[Hash]| check_inclusion(&leaf(index), index, size, proof, &root);
            assert_eq!(check(index, &proof), Ok(()), "{index} of {size}");
            for other in (0..=size).filter(|other| *other != index) {
                let found = check_inclusion(&leaf(index), other, size, &proof, &root);
                assert!(found.is_err(), "{index} of {size} as {other}");
            }
            let longer = [proof.as_slice(), &[root]].concat();
            assert!(check(index, &longer).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(check(index, shorter).is_err());
            }
        }
    }
}

#[test]
fn every_continuation_of_small_logs_holds_and_no_other_one() {
    for new_size in 1..40 {
        let tree_now = tree(new_size);
        let new = (new_size, &root(&tree_now));
        for old_size in 1..=new_size {
            let proof = match new_size - old_size {
                0 => Vec::new(),
                more => hashes(tree_now.prove_consistency(more as usize).as_bytes()),
            };
            let old_root = root(&tree(old_size));
            let check = |old, proof: &[Hash]| check_consistency(old, new, proof);
            assert_eq!(
                check((old_size, &old_root), &proof),
                Ok(()),
                "{old_size} of {new_size}"
            );
            let other = root(&tree(old_size + 100));
            assert!(check((old_size, &other), &proof).is_err());
            for wrong in (1..=new_size + 1).filter(|size| *size != old_size) {
                assert!(
                    check((wrong, &old_root), &proof).is_err(),
                    "{old_size} as {wrong}"
                );
            }
            let longer = [proof.as_slice(), &[other]].concat();
            assert!(check((old_size, &old_root), &longer).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(check((old_size, &old_root), shorter).is_err());
            }
        }
    }
}

#[test]
fn a_log_continues_itself_and_the_empty_one() {
    let root = root(&tree(5));
    let other = Hash::default();
    assert_eq!(check_consistency((5, &root), (5, &root), &[]), Ok(()));
    assert_eq!(check_consistency((0, &other), (5, &root), &[]), Ok(()));
    assert_eq!(
        check_consistency((5, &other), (5, &root), &[]),
        Err(ProofWrong::Root)
    );
    assert_eq!(
        check_consistency((0, &other), (5, &root), &[other]),
        Err(ProofWrong::Length)
    );
    assert_eq!(
        check_consistency((6, &root), (5, &root), &[]),
        Err(ProofWrong::Range)
    );
}

fn sample() -> TlogProof {
    let mut checkpoint = Note::new("log\n3\nx\n").unwrap();
    let (name, key_id, bytes) = ("log".to_owned(), 1, vec![2]);
    checkpoint
        .add(Signature {
            name,
            key_id,
            bytes,
        })
        .unwrap();
    let hashes = vec![Hash([1; 32]), Hash([2; 32])];
    TlogProof {
        index: 2,
        hashes,
        checkpoint,
    }
}

#[test]
fn a_proof_is_written_as_it_was_read() {
    let text = sample().to_string();
    assert!(
        text.starts_with("c2sp.org/tlog-proof@v1\nindex 2\nAQEB"),
        "{text}"
    );
    assert_eq!(text.parse(), Ok(sample()));
    let extra = text.replacen("index", "extra AAAA\nindex", 1);
    assert_eq!(extra.parse(), Ok(sample()));
}

#[test]
fn what_is_no_proof_says_why() {
    let text = sample().to_string();
    let cases = [
        (String::new(), "no checkpoint"),
        (text.replace("@v1", "@v2"), "start"),
        (text.replace("index 2", "index 02"), "no index"),
        (text.replace("index 2\n", ""), "no index"),
        (text.replace("AQEB", "AQE"), "no hash"),
        (text.replace("— log", "log"), "its checkpoint"),
        (
            text.replacen(
                "AQ",
                &format!("{}AQ", format!("{}\n", Hash::default()).repeat(63)),
                1,
            ),
            "too many",
        ),
    ];
    for (text, why) in cases {
        let error = text.parse::<TlogProof>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn proofs_of_random_logs_hold(size in 1_u64..2000, at in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
        let tree_now = tree(size);
        let now = root(&tree_now);
        let index = at.index(size as usize) as u64;
        let mut proof = hashes(tree_now.prove_inclusion(index as usize).as_bytes());
        prop_assert_eq!(check_inclusion(&leaf(index), index, size, &proof, &now), Ok(()));
        let old_size = index + 1;
        if old_size < size {
            let old = root(&tree(old_size));
            let mut proof = hashes(tree_now.prove_consistency((size - old_size) as usize).as_bytes());
            prop_assert_eq!(check_consistency((old_size, &old), (size, &now), &proof), Ok(()));
            let step = flip.index(proof.len());
            proof[step].0[step % 32] ^= 1;
            prop_assert!(check_consistency((old_size, &old), (size, &now), &proof).is_err());
        }
        if !proof.is_empty() {
            let step = flip.index(proof.len());
            proof[step].0[step % 32] ^= 1;
            prop_assert!(check_inclusion(&leaf(index), index, size, &proof, &now).is_err());
        }
    }
}
