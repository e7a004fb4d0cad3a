use super::*;

fn questions(sizes: &[usize]) -> Vec<Question> {
    let sized = |size: &usize| Question {
        definition_json: Some(vec![b' '; *size]),
        ..Question::default()
    };
    sizes.iter().map(sized).collect()
}

#[test]
fn batches_are_bounded_in_number_and_in_bytes() {
    let large = BATCH_BYTES_MAX;
    let cases: [(Vec<usize>, Vec<usize>); 6] = [
        (vec![], vec![]),
        (vec![1; 512], vec![512]),
        (vec![1; 1025], vec![512, 512, 1]),
        (vec![large, 1, large - 1], vec![1, 2]),
        (vec![large + 1], vec![1]),
        (vec![1, large + 1, 1], vec![1, 1, 1]),
    ];
    for (sizes, expected) in cases {
        let questions = questions(&sizes);
        let found: Vec<_> = batches(&questions)
            .iter()
            .map(|batch| batch.len())
            .collect();
        assert_eq!(found, expected);
    }
}
