use super::Checkpoint;
use crate::tlog::root_of_empty;

const TEXT: &str = "example.com/log\n20852163\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

#[test]
fn a_checkpoint_is_written_as_it_was_read() {
    let checkpoint: Checkpoint = TEXT.parse().unwrap();
    assert_eq!(checkpoint.origin, "example.com/log");
    assert_eq!(
        (checkpoint.size, checkpoint.root),
        (20_852_163, root_of_empty())
    );
    assert_eq!(checkpoint.to_string(), TEXT);
    let extended = format!("{TEXT}more\nlines\n");
    let checkpoint: Checkpoint = extended.parse().unwrap();
    assert_eq!(checkpoint.extensions, ["more", "lines"]);
    assert_eq!(checkpoint.to_string(), extended);
}

#[test]
fn what_is_no_checkpoint_says_why() {
    let cases = [
        (String::new(), "no end"),
        ("\n".to_owned(), "no origin"),
        ("a\n".to_owned(), "no size"),
        ("a\n1\n".to_owned(), "no root"),
        (TEXT.trim_end().to_owned(), "no end"),
        (TEXT.replace("2085", "02085"), "decimal"),
        (TEXT.replace("2085", "+2085"), "decimal"),
        (TEXT.replace("20852163", "20852163000000000000"), "decimal"),
        (TEXT.replace("uFU=", "uFU"), "root"),
        (format!("{TEXT}\nmore\n"), "empty line"),
    ];
    for (text, why) in cases {
        let error = text.parse::<Checkpoint>().unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}
