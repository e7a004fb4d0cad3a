//! Against `ct-merkle`, which is somebody else's, and the checks of `tlog`.

use super::prove::{ProveError, Prover, Tiles};
use super::{Tile, Tree};
use crate::tlog::{Hash, TilePath, check_consistency, check_inclusion, leaf_hash, partial_tiles};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::io;

struct Stored(BTreeMap<TilePath, Vec<u8>>);

impl Tiles for Stored {
    fn read(&self, path: TilePath) -> io::Result<Vec<u8>> {
        let found = self.0.get(&path).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn grown(size: u64) -> (Tree, Vec<Tile>) {
    let mut tree = Tree::default();
    let mut full = Vec::new();
    (0..size).for_each(|index| tree.push(leaf_hash(&leaf(index)), &mut full));
    (tree, full)
}

fn stored(size: u64) -> Stored {
    let (tree, mut tiles) = grown(size);
    tiles.extend(tree.edge());
    Stored(tiles.into_iter().collect())
}

fn oracle(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|index| tree.push(leaf(index)));
    tree
}

fn root(size: u64) -> Hash {
    match size {
        0 => crate::tlog::root_of_empty(),
        _ => Hash::from_slice(oracle(size).root().as_bytes()).unwrap(),
    }
}

#[test]
fn roots_and_tiles_are_those_of_the_specification_at_every_size() {
    let mut tree = Tree::default();
    let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut full = Vec::new();
    for size in 1..=700 {
        tree.push(leaf_hash(&leaf(size - 1)), &mut full);
        oracle.push(leaf(size - 1));
        assert_eq!(
            tree.root().0.as_slice(),
            oracle.root().as_bytes().as_slice(),
            "{size}"
        );
        let edge: Vec<_> = tree.edge().iter().map(|(path, _)| *path).collect();
        assert_eq!(
            edge,
            partial_tiles(size)[usize::from(size % 256 > 0)..],
            "{size}"
        );
    }
    let full: Vec<_> = full
        .iter()
        .map(|(path, content)| (path.to_string(), content.len()))
        .collect();
    assert_eq!(
        full,
        [
            ("tile/0/000".to_owned(), 8192),
            ("tile/0/001".to_owned(), 8192)
        ]
    );
}

#[test]
fn the_second_level_fills_too() {
    let (tree, full) = grown(65_536);
    let last = full.last().unwrap();
    assert_eq!(
        (full.len(), last.0.to_string()),
        (257, "tile/1/000".to_owned())
    );
    let edge = tree.edge();
    assert_eq!(
        (edge.len(), edge[0].0.to_string()),
        (1, "tile/2/000.p/1".to_owned())
    );
    assert_eq!(edge[0].1, tree.root().0);
}

#[test]
fn every_proof_of_a_small_log_is_that_of_somebody_else() {
    for size in [1, 2, 3, 7, 255, 256, 257, 300] {
        let tiles = stored(size);
        let mut prover = Prover::new(&tiles, size);
        let oracle = oracle(size);
        for index in 0..size {
            let proof: Vec<u8> = prover
                .inclusion(index, size)
                .unwrap()
                .iter()
                .flat_map(|hash| hash.0)
                .collect();
            assert_eq!(
                proof,
                oracle.prove_inclusion(index as usize).as_bytes(),
                "{index} of {size}"
            );
        }
        for old in 1..size {
            let proof: Vec<u8> = prover
                .consistency(old, size)
                .unwrap()
                .iter()
                .flat_map(|hash| hash.0)
                .collect();
            assert_eq!(
                proof,
                oracle.prove_consistency((size - old) as usize).as_bytes(),
                "{old} of {size}"
            );
        }
    }
}

#[test]
fn what_is_not_there_has_no_proof() {
    let tiles = stored(300);
    let mut prover = Prover::new(&tiles, 300);
    let range =
        |result: Result<Vec<Hash>, ProveError>| matches!(result, Err(ProveError::Range { .. }));
    assert!(range(prover.inclusion(300, 300)));
    assert!(range(prover.inclusion(0, 301)));
    assert!(range(prover.consistency(0, 301)));
    assert!(range(prover.consistency(200, 100)));
    assert!(prover.consistency(0, 300).unwrap().is_empty());
    let mut lost = stored(300);
    lost.0.remove(&"tile/0/001.p/44".parse().unwrap());
    let error = Prover::new(&lost, 300).inclusion(299, 300).unwrap_err();
    assert!(error.to_string().contains("tile/0/001.p/44"), "{error}");
    lost.0
        .insert("tile/0/001.p/44".parse().unwrap(), vec![0; 33]);
    assert!(Prover::new(&lost, 300).inclusion(299, 300).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn proofs_of_random_logs_hold(grown in 1_u64..140_000, size in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(), leaf_at in any::<prop::sample::Index>()) {
        // The oracle has its tree whole, so its part is small; the checks see large ones.
        let tiles = stored(grown);
        let mut prover = Prover::new(&tiles, grown);
        let size = size.index(grown as usize) as u64 + 1;
        let old = old.index(size as usize) as u64;
        let index = leaf_at.index(size as usize) as u64;
        let (mut tree, mut full) = (prover.tree_at(old).unwrap(), Vec::new());
        (old..size).take(600).for_each(|at| tree.push(leaf_hash(&leaf(at)), &mut full));
        prop_assert_eq!(tree.root(), prover.root_at(size.min(old + 600)).unwrap());
        prop_assert!(full.iter().all(|(path, content)| tiles.0[path] == *content));
        let (new_root, old_root) = (prover.root_at(size).unwrap(), prover.root_at(old).unwrap());
        if size < 3_000 {
            prop_assert_eq!(new_root, root(size));
            prop_assert_eq!(old_root, root(old));
        }
        let proof = prover.inclusion(index, size).unwrap();
        prop_assert_eq!(check_inclusion(&leaf(index), index, size, &proof, &new_root), Ok(()));
        let proof = prover.consistency(old, size).unwrap();
        prop_assert_eq!(check_consistency((old, &old_root), (size, &new_root), &proof), Ok(()));
    }
}
