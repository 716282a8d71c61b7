//! Tests the files that the programs read, including encodings, line ends and invalid ids.

use crate::command::examples::{input, users_file};
use crate::command::{assign, command, file, object, run, text};
use crate::support::Server;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;

fn problems(server: &Server, path: &str) -> [String; 2] {
    let (exit, object) = object(assign(server, path, &[]));
    assert_eq!(exit, 1, "{object}");
    let mut hire = command(server, "new_hires");
    hire.args(["--pack", "1001", "--column", "id", "--csv", path]);
    let (exit, _, hired) = run(hire);
    assert_eq!(exit, 1, "{hired}");
    let assigned = object["error"]["message"].as_str().expect("a message");
    [assigned.to_owned(), hired]
}

#[test]
fn files_that_are_not_text_are_refused_with_the_reason() {
    let server = Server::start();
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{text}");
        text.encode_utf16().flat_map(bytes).collect()
    };
    for (content, problem) in [
        (
            utf16("id\n7\n", u16::to_le_bytes),
            "this file is UTF-16; save it as UTF-8",
        ),
        (
            utf16("id\n7\n", u16::to_be_bytes),
            "this file is UTF-16; save it as UTF-8",
        ),
        (
            utf16("id\n7\n", u16::to_le_bytes)[2..].to_vec(),
            "NUL bytes",
        ),
        (b"id\n7\n\0\0\0\0".to_vec(), "NUL bytes"),
        (b"PK\x03\x04\x14\x00\x06\x00".to_vec(), "a workbook"),
    ] {
        let path = file("binary.txt", &content);
        for message in problems(&server, &path) {
            assert!(
                message.contains(problem) && message.contains("binary.txt"),
                "{message}"
            );
        }
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_folder_or_an_unreadable_file_is_refused_with_its_name() {
    let server = Server::start();
    for path in [env!("CARGO_TARGET_TMPDIR"), "no-such-file.csv"] {
        for message in problems(&server, path) {
            assert!(
                message.contains(&format!("{path}: cannot be read: ")),
                "{message}"
            );
        }
    }
    // The file `/proc/self/mem` can be opened, but its first bytes cannot be read.
    if Path::new("/proc/self/mem").exists() {
        for message in problems(&server, "/proc/self/mem") {
            assert!(
                message.contains("/proc/self/mem: cannot be read: "),
                "{message}"
            );
        }
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn ids_in_the_form_of_a_spreadsheet_or_another_system_are_refused() {
    let server = Server::start();
    for id in [
        "7031021.0",
        "7,031,021",
        "7.03E+06",
        "7 031 021",
        "7031021-",
        "+7",
        "0x7",
        "7;",
        "\u{200b}7",
        "٧",
        "NULL",
        "007",
        "000070",
    ] {
        let path = file("ids.txt", format!("7\r{id}\r\n8\n"));
        let (exit, object) = object(assign(&server, &path, &[]));
        let message = object["error"]["message"].as_str().expect("a message");
        assert!(
            exit == 1 && message.contains("ids.txt, line 2: `"),
            "{message}"
        );
        assert_eq!(
            message.contains("leading zeros"),
            id.starts_with('0') && !id.contains('x'),
            "{message}"
        );
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn every_line_end_ends_a_line() {
    let server = Server::start();
    server.users([101, 102]);
    let hires = file("mac.txt", "# hires\r101\r102\r");
    let (exit, object) = object(assign(&server, &hires, &[]));
    assert_eq!((exit, &object["assigned"]), (0, &json!([101, 102])));
    let numbers = |content: &str| -> Vec<(usize, String)> {
        let text = |line: &[u8]| String::from_utf8(line.to_vec()).expect("text");
        input::lines(content.as_bytes())
            .map(|(number, line)| (number, text(line)))
            .collect()
    };
    let expected = |lines: &[&str]| -> Vec<(usize, String)> {
        (1..)
            .zip(lines.iter().map(|line| (*line).to_owned()))
            .collect()
    };
    for (content, lines) in [
        ("", &[][..]),
        ("a", &["a"]),
        ("a\n", &["a"]),
        ("a\r\n", &["a"]),
        ("a\r", &["a"]),
        ("a\n\rb", &["a", "", "b"]),
        ("a\r\r\nb\n\nc", &["a", "", "b", "", "c"]),
        ("\r\n\r\n", &["", ""]),
    ] {
        assert_eq!(numbers(content), expected(lines), "{content:?}");
    }
}

#[test]
fn a_comment_may_be_in_any_encoding() {
    let server = Server::start();
    server.users([7]);
    let users = file("latin1.txt", b"7 # M\xfcller\n# \x80\xfe\r");
    let (exit, object) = object(assign(&server, &users, &[]));
    assert_eq!((exit, &object["assigned"]), (0, &json!([7])));
}

#[test]
fn messages_name_the_file_as_the_caller_did() {
    let server = Server::start();
    let path = file("named.txt", "7\nx\n");
    let path = Path::new(&path);
    let mut command = assign(
        &server,
        text(Path::new(path.file_name().expect("a name"))),
        &[],
    );
    command.current_dir(path.parent().expect("a folder"));
    let (_, object) = object(command);
    let message = object["error"]["message"].as_str().expect("a message");
    let name = path.file_name().expect("a name").to_str().expect("text");
    assert!(
        message.starts_with(&format!("{name}, line 2: `x` is not a user id")),
        "{message}"
    );
}

proptest! {
    /// For any mix of line ends, comments and blank lines, the reader returns every id or reports the line number of
    /// the first invalid id.
    #[test]
    fn no_line_is_lost(
        lines in prop::collection::vec((prop::sample::select(vec!["7", " 8 ", "", "# x", "9 # y", "x"]),
            prop::sample::select(vec!["\n", "\r\n", "\r"])), 0..12)
    ) {
        // Skips inputs in which `\n` directly follows `\r`. The reader counts `\r\n` as one line end, but this test
        // would count two line ends.
        let joined: String = lines.iter().map(|(line, end)| format!("{line}{end}")).collect();
        prop_assume!(lines.windows(2).all(|pair| !(pair[0].1 == "\r" && pair[1].0.is_empty() && pair[1].1 == "\n")));
        let ids: Vec<u64> = lines.iter().filter_map(|(line, _)| match *line {
            "7" => Some(7),
            " 8 " => Some(8),
            "9 # y" => Some(9),
            _ => None,
        }).collect();
        let wrong = lines.iter().position(|(line, _)| *line == "x");
        match (users_file::parse(joined.as_bytes()), wrong) {
            (Ok(users), None) => prop_assert_eq!(users.iter().map(|user| user.get()).collect::<Vec<_>>(), ids),
            (Err(problem), Some(line)) => {
                let place = format!("line {}: `x` is not", line + 1);
                prop_assert!(problem.starts_with(&place), "{}", problem);
            }
            (result, wrong) => prop_assert!(false, "{:?} {:?}", result, wrong),
        }
    }
}
