//! Tests that the program `new_hires` assigns the users in one column of a CSV file.

use crate::command::{Ended, command, file, run};
use crate::support::Server;

fn hire(server: &Server, content: &[u8], column: &str, more: &[&str]) -> Ended {
    let mut command = command(server, "new_hires");
    let export = file("export.csv", content);
    command
        .args(["--pack", "1001", "--csv", &export, "--column", column])
        .args(more);
    run(command)
}

#[test]
fn assigns_the_ids_of_the_named_column() {
    let server = Server::start();
    server.users([7, 8]);
    let export = "\u{feff}User ID;Name\r\n7;\"Li; Wei\"\r\n;Ann\r\n 8 ;\"two\nlines\"\r\n9;Max\r\n"
        .as_bytes();
    let flags = ["--delimiter", ";", "--multiline"];
    let (exit, _, error) = hire(&server, export, "Name", &flags);
    assert!(
        exit == 1 && error.contains("export.csv, line 2: `Li; Wei` is not a user id"),
        "{error}"
    );
    let (exit, _, error) = hire(&server, export, "Id", &flags);
    assert!(
        exit == 1 && error.contains("line 1: no column `Id`; there are: User ID, Name"),
        "{error}"
    );
    let (exit, _, error) = hire(&server, export, "User ID", &flags[..2]);
    assert!(exit == 1 && error.contains("lines 4-5: "), "{error}");
    assert_eq!(server.requests(), 0);
    let (exit, printed, error) = hire(&server, export, "User ID", &flags);
    assert_eq!(exit, 2, "{error}");
    assert!(
        error.contains("1 row has no id in `User ID`") && printed.contains("rejected 9"),
        "{printed}{error}"
    );
    assert_eq!(server.assigned(1001), [7, 8]);
}

#[test]
fn a_stray_quote_hides_no_row() {
    let server = Server::start();
    server.users([1, 2, 3, 4]);
    let export = b"User ID,Name\n1,Al\n2,\"Bob\n3,Cy\"\n4,Di\n";
    let (exit, _, error) = hire(&server, export, "User ID", &[]);
    assert_eq!(exit, 1);
    assert!(
        error.contains("export.csv, lines 3-4: a quoted field spans these lines"),
        "{error}"
    );
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_plan_assigns_no_user() {
    let server = Server::start();
    server.users([7, 8]).already(1001, [8]);
    let (exit, printed, error) = hire(&server, b"id\n7\n8\n8\n", "id", &["--plan"]);
    assert_eq!(exit, 0, "{error}");
    assert!(
        printed.starts_with("2 users: 1 to assign, 1 already assigned"),
        "{printed}"
    );
    assert_eq!(server.posts(), 0);
}

#[test]
fn a_delimiter_is_one_character() {
    let server = Server::start();
    server.users([7]);
    for delimiter in ["\t", "\\t", "|"] {
        let sign = if delimiter == "|" { "|" } else { "\t" };
        let export = format!("Name{sign}id\nAl{sign}7\n");
        let flags = ["--delimiter", delimiter];
        assert_eq!(hire(&server, export.as_bytes(), "id", &flags).0, 0);
    }
    for delimiter in ["", ";;", "é", "\"", "\n", "\r"] {
        let (exit, _, error) = hire(&server, b"id\n7\n", "id", &["--delimiter", delimiter]);
        assert!(
            exit == 1 && error.starts_with("error: --delimiter: "),
            "{error}"
        );
    }
}
