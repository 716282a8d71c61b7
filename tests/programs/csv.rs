//! Tests that the CSV reader never loses a row, regardless of the quotes in a file.

use crate::command::examples::csv_file::{Column, Format, parse};
use proptest::prelude::*;

fn read(content: &[u8], multiline: bool) -> Result<Column, String> {
    let format = Format {
        delimiter: b',',
        multiline,
    };
    parse(content, "id", format)
}

/// Returns the user ids in a CSV file, and the number of rows without an id.
fn ids(content: &str, multiline: bool) -> (Vec<u64>, usize) {
    let column = read(content.as_bytes(), multiline).expect(content);
    let ids = column.users.iter().map(|user| user.get()).collect();
    (ids, column.without_id)
}

fn problem(content: &str, multiline: bool) -> String {
    read(content.as_bytes(), multiline).expect_err(content)
}

#[test]
fn a_record_that_spans_lines_is_refused_unless_permitted() {
    const SPANS: &str = "a quoted field spans these lines; if that is right, add --multiline";
    for (content, lines, expected) in [
        (
            "id,name\n1,Al\n2,\"Bob\n3,Cy\"\n4,Di\n",
            "3-4",
            &[1, 2, 4][..],
        ),
        ("id,name\r1,Al\r2,\"Bob\r3,Cy\"\r4,Di", "3-4", &[1, 2, 4]),
        ("id,name\r\n\r\n1,\"a\r\n\r\nb\"\r\n2,b\r\n", "3-5", &[1, 2]),
        ("id,\"na\nme\"\n1,a\n", "1-2", &[1]),
        (
            "\n\r\"id\",\"a \"\"quoted\"\"\n\nname\"\n1,a\n",
            "3-5",
            &[1],
        ),
        ("id,name\n1,\"\n\"\n", "2-3", &[1]),
        ("id,name\n\"1\n\",a\n2,b", "2-3", &[1, 2]),
    ] {
        assert_eq!(
            problem(content, false),
            format!("lines {lines}: {SPANS}"),
            "{content:?}"
        );
        assert_eq!(ids(content, true), (expected.to_vec(), 0), "{content:?}");
    }
}

#[test]
fn an_open_quote_is_always_refused() {
    for (content, lines) in [
        ("id,name\n1,\"a", "line 2"),
        ("id,name\n1,\"a\n", "line 2"),
        ("id,name\n1,\"a\n2,b\n3,c\n", "lines 2-4"),
        ("id,name\n1,\"a\r2,b\r\r\n3,\"\"c", "lines 2-5"),
        ("\"id\n1\n2\n", "lines 1-3"),
        ("id,name\n1,a\n\"2", "line 3"),
        ("id,name\n1,\"a\"\"\n2,b", "lines 2-3"),
        ("\"", "line 1"),
    ] {
        for multiline in [false, true] {
            assert_eq!(
                problem(content, multiline),
                format!("{lines}: a quote is still open at the end of the file"),
                "{content:?}"
            );
        }
    }
}

#[test]
fn text_after_a_closing_quote_is_refused_where_fields_may_span_lines() {
    for (content, lines) in [
        ("id,name\n1,a\n2,\"Bob\n3,\"Cy\n4,Di\n", "lines 3-4"),
        ("id,name\n2,\"Bob\" Smith\n", "line 2"),
        ("id,name\n2,\"Bob\"\"\"x\n", "line 2"),
    ] {
        let expected = format!("{lines}: there is text after a closing quote");
        assert_eq!(problem(content, true), expected, "{content:?}");
    }
    // Without `--multiline`, text after a closing quote is accepted, because such text cannot hide a row.
    assert_eq!(
        ids("id,name\n1,\"Bob\" Smith\n2,b\n", false),
        (vec![1, 2], 0)
    );
    for multiline in [false, true] {
        let spaces = "id , name\n \"1\" ,a\n\"2\" , \"b\"\n\"3\"\t,\"c\"  \n";
        assert_eq!(
            ids(&spaces.replace(" \"1\"", "\"1\""), multiline),
            (vec![1, 2, 3], 0)
        );
    }
}

#[test]
fn quotes_within_an_unquoted_field_are_text() {
    let content = "id,name\n1,Bob \"the\" builder\n2,5\" pipe\n3, \"Cy\n4,\"\"\n";
    for multiline in [false, true] {
        assert_eq!(ids(content, multiline), (vec![1, 2, 3, 4], 0));
    }
}

#[test]
fn lines_are_counted_as_in_an_editor() {
    for (content, expected) in [
        ("id,name\nx,b\n", "line 2: `x` is not"),
        ("id,name\r\n\r\nx,b\r\n", "line 3: `x` is not"),
        ("id,name\r\rx,b\r", "line 3: `x` is not"),
        ("\r\n\n\rid,name\n\n7,b\r\r\nx,b", "line 8: `x` is not"),
        (
            "id,name\n1,a,b\n",
            "line 2: expected 2 columns as in the first row, found 3",
        ),
        (
            "id,name\n1\n",
            "line 2: expected 2 columns as in the first row, found 1",
        ),
        (
            "id,name\n \n",
            "line 2: expected 2 columns as in the first row, found 1",
        ),
        (
            "id,name\n7,031,021\n",
            "line 2: expected 2 columns as in the first row, found 3",
        ),
        ("name,id\na,\"7,031,021\"\n", "line 2: `7,031,021` is not"),
        (
            "id\n7\n007\n",
            "line 3: `007` is not a user id: an id has no leading zeros",
        ),
        (
            "id\n7\n0\n",
            "line 3: `0` is not a user id: expected an integer",
        ),
        ("id\n#N/A\n", "line 2: `#N/A` is not"),
        ("", "line 1: the file is empty"),
        ("\n\r\n", "line 1: the file is empty"),
        ("a,b\n", "line 1: no column `id`; there are: a, b"),
        ("id,\"id\"\n", "line 1: several columns are named `id`"),
        (
            "sep=,\nid\n1\n",
            "line 1: no column `id`; there are: sep=, ",
        ),
    ] {
        let problem = problem(content, false);
        assert!(problem.starts_with(expected), "{content:?}: {problem}");
    }
    // The invalid id follows a record that spans several lines.
    let content = "id,name\n7,\"a\r\nb\rc\"\n\nx,d\n";
    assert!(problem(content, true).starts_with("line 6: `x`"));
    let content = "id,name\n\"x\ny\",a\n";
    assert!(problem(content, true).starts_with("lines 2-3: `x\\ny`"));
}

#[test]
fn other_columns_may_be_in_any_encoding() {
    let column = read(b"n\xe4me,id\nM\xfcller,7\n", false).expect("a column");
    assert_eq!((column.users.len(), column.without_id), (1, 0));
    assert_eq!(
        read(b"id\n\xff\n", false).expect_err("no text"),
        "line 2: this is not text"
    );
}

#[test]
fn rows_without_an_id_are_counted() {
    for multiline in [false, true] {
        let content = "id,name\n1,a\n,b\n\"\",c\n  ,d\n\n,\n2,e\n";
        assert_eq!(ids(content, multiline), (vec![1, 2], 4));
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["\"", "\"", ",", "\n", "\r", "\r\n", "7", "8", " ", ""]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("id,name\n{}", pieces.concat()))
}

fn table() -> impl Strategy<Value = Vec<(u64, String)>> {
    let part = prop::sample::select(vec!["\"", ",", "\n", "\r\n", "\r", "x", " ", "é"]);
    let name = prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat());
    prop::collection::vec((1..1_000_u64, name), 0..8)
}

fn write(rows: &[(u64, String)], end: csv::Terminator, quotes: csv::QuoteStyle) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(end)
        .quote_style(quotes)
        .from_writer(Vec::new());
    writer.write_record(["id", "name"]).expect("a header");
    for (id, name) in rows {
        writer.write_record([&id.to_string(), name]).expect("a row");
    }
    writer.into_inner().expect("a file")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Without `--multiline`, each line that is not empty is returned as an id or counted as a row without an id.
    #[test]
    fn no_line_is_lost(content in pieces()) {
        if let Ok(column) = read(content.as_bytes(), false) {
            let text = content.split(['\n', '\r']).filter(|line| !line.is_empty()).count();
            prop_assert_eq!(column.users.len() + column.without_id + 1, text);
        }
    }

    /// If a file is accepted with and without `--multiline`, the two results are equal.
    #[test]
    fn multiline_only_accepts_more_lines(content in pieces()) {
        if let (Ok(plain), Ok(multiline)) = (read(content.as_bytes(), false), read(content.as_bytes(), true)) {
            prop_assert_eq!(plain, multiline);
        }
    }

    /// The reader returns all rows that a CSV writer wrote. Without `--multiline`, the reader may refuse a file only if
    /// a field contains a line end.
    #[test]
    fn a_written_table_is_read_back(rows in table(), end in 0..3_usize, always in any::<bool>()) {
        let end = [csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::Any(b'\r')][end];
        let quotes = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let content = write(&rows, end, quotes);
        let expected: Vec<u64> = rows.iter().map(|(id, _)| *id).collect();
        let ids = |column: Column| column.users.iter().map(|user| user.get()).collect::<Vec<_>>();
        let multiline = read(&content, true).map(ids);
        prop_assert_eq!(multiline.as_ref(), Ok(&expected));
        let spans = rows.iter().any(|(_, name)| name.contains(['\n', '\r']));
        match read(&content, false) {
            Ok(column) => {
                prop_assert!(!spans);
                prop_assert_eq!(ids(column), expected);
            }
            Err(problem) => prop_assert!(spans && problem.contains("spans these lines"), "{}", problem),
        }
    }

    /// If a file has an extra quote, the reader refuses the file or returns all ids.
    #[test]
    fn a_stray_quote_hides_no_row(rows in table(), at in any::<prop::sample::Index>()) {
        let rows: Vec<_> = rows.into_iter().map(|(id, name)| (id, name.replace(['\n', '\r', '"'], "-"))).collect();
        let mut content = write(&rows, csv::Terminator::CRLF, csv::QuoteStyle::Necessary);
        let header = "id,name\r\n".len();
        content.insert(header + at.index(content.len() - header + 1), b'"');
        if let Ok(column) = read(&content, false) {
            let ids: Vec<u64> = column.users.iter().map(|user| user.get()).collect();
            prop_assert_eq!(ids, rows.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        }
    }
}
