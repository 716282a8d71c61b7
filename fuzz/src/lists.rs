//! Fuzzes the code with which the example programs read id lists and CSV files.
#![no_main]

#[path = "../../examples/support"]
mod support {
    pub mod csv_file;
    #[allow(dead_code)]
    pub mod input;
    #[allow(dead_code)]
    pub mod users_file;
}

use connecteam_onboarding::UserList;
use support::csv_file::Format;
use support::{csv_file, input, users_file};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let numbers = input::lines(data).map(|(number, _)| number);
    assert!(numbers.eq(1..=input::lines(data).count()));
    if let Ok(users) = users_file::parse(data) {
        let unique: UserList = users.iter().copied().collect();
        assert_eq!(unique.len() as u64 + unique.duplicates(), users.len() as u64);
    }
    let [delimiter, flags, content @ ..] = data else { return };
    if !delimiter.is_ascii() || b"\"\r\n".contains(delimiter) {
        return;
    }
    let format = Format {
        delimiter: *delimiter,
        multiline: flags & 1 == 1,
    };
    if let Ok(column) = csv_file::parse(content, "id", format) {
        // The reader must not return more rows than the file has lines after the header.
        let rows = column.users.len() + column.without_id;
        assert!(rows < input::lines(content).count().max(1));
    }
});
