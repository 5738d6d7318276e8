//! What comes over the wire is not ours: nothing of it may panic or grow.

use proptest::prelude::*;

use super::*;

/// Reads all lines of a stream of bytes.
async fn lines(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<ReadError>) {
    let mut reader = Reader::new(bytes);
    let mut lines = Vec::new();
    loop {
        match reader.next().await {
            Ok(Some(line)) => lines.push(line.to_vec()),
            Ok(None) => return (lines, None),
            Err(error) => return (lines, Some(error)),
        }
    }
}

fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<ReadError>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(lines(bytes))
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_or_a_message_panic(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let (lines, _) = read(&bytes);
        for line in lines {
            drop((version_of(&line), serde_json::from_slice::<Request>(&line)));
            drop(serde_json::from_slice::<Answer>(&line));
        }
    }

    #[test]
    fn a_message_that_is_cut_or_bent_is_an_error_or_a_message(at in 0..200_usize, with in any::<u8>()) {
        let arguments = vec!["rotate".to_owned(), "ü\n\"x".to_owned()];
        let hello = Hello { version: VERSION, wish: Wish::Command { arguments }, ..Hello::default() };
        let line = encode(&Request::Hello(hello)).unwrap();
        let at = at % line.len();
        drop(serde_json::from_slice::<Request>(&line[..at]));
        let mut bent = line.to_vec();
        bent[at] = with;
        drop((version_of(&bent), serde_json::from_slice::<Request>(&bent)));
    }

    #[test]
    fn any_text_fits_in_pieces_and_comes_back_whole(text in "\\PC*[\u{0}-\u{1f}]{0,9}\\PC*", times in 1..400_usize) {
        let text = text.repeat(times);
        let mut back = String::new();
        for piece in pieces(&text) {
            prop_assert!(piece.len() <= MAX_TEXT_BYTES);
            let answer = Answer::Text(Text { stream: Stream::Stdout, text: piece.to_owned() });
            let line = encode(&answer).unwrap();
            prop_assert!(line.len() <= MAX_LINE_BYTES);
            prop_assert_eq!(serde_json::from_slice::<Answer>(&line).unwrap(), answer);
            back.push_str(piece);
        }
        prop_assert_eq!(back, text);
    }

    #[test]
    fn lines_are_what_stands_between_their_ends(parts in prop::collection::vec("[a-z]{0,40}", 0..20)) {
        let text: String = parts.iter().map(|part| format!("{part}\n")).collect();
        let (lines, error) = read(text.as_bytes());
        prop_assert_eq!(error, None);
        let wanted: Vec<Vec<u8>> = parts.iter().map(|part| part.clone().into_bytes()).collect();
        prop_assert_eq!(lines, wanted);
    }
}

#[test]
fn a_line_of_just_the_bound_is_read_and_one_byte_more_is_not() {
    let line = |length: usize| [vec![b'x'; length], vec![b'\n']].concat();
    let (lines, error) = read(&line(MAX_LINE_BYTES - 1));
    assert_eq!((lines.len(), error), (1, None));
    assert_eq!(read(&line(MAX_LINE_BYTES)), (vec![], Some(ReadError::TooLong)));
    assert_eq!(read(b"a\nhalf"), (vec![b"a".to_vec()], Some(ReadError::Half)));
}

#[test]
fn text_of_the_worst_kind_fits_a_line() {
    for text in ["\u{1}".repeat(MAX_TEXT_BYTES), "\"".repeat(MAX_TEXT_BYTES)] {
        let answer = Answer::Text(Text { stream: Stream::Stdout, text });
        assert!(encode(&answer).is_some());
    }
    let bytes = Bytes(vec![0xff; MAX_INPUT_BYTES].into());
    assert!(encode(&Request::Input(Input { bytes, last: true })).is_some());
    let long = Wish::Command { arguments: vec!["x".repeat(MAX_LINE_BYTES)] };
    assert!(encode(&Request::Hello(Hello { wish: long, ..Hello::default() })).is_none());
}

#[test]
fn input_is_never_shown_and_a_mistake_in_it_is_not_quoted() {
    let input = Input { bytes: Bytes(b"s3cr3t".to_vec().into()), last: true };
    let shown = format!("{:?}", Request::Input(input));
    assert!(!shown.contains("s3cr3t") && !shown.contains("115"), "{shown}");
    let error = serde_json::from_str::<Request>(r#"{"input":{"bytes":"s3cr3t"}}"#).unwrap_err();
    assert!(!error.to_string().contains("s3cr3t"), "{error}");
}
