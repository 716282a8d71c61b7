//! Reads the user ids in one column of a CSV file.
//!
//! A CSV reader treats a stray quote as the start of a quoted field, and silently adds the following rows to this
//! field. Therefore a record that spans several lines is an error unless the caller permits such records.

use super::input;
use connecteam_onboarding::UserId;
use csv::ByteRecord;
use std::fmt::Display;

#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub delimiter: u8,
    /// Whether a quoted field may contain line ends.
    pub multiline: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// The user ids, in file order.
    pub users: Vec<UserId>,
    /// The number of rows without an id.
    pub without_id: usize,
}

/// Reads the user ids from one column of a CSV file. The file name `-` means standard input.
pub fn read(file: &str, column: &str, format: Format) -> Result<Column, String> {
    let (name, content) = input::read_text(file)?;
    parse(&content, column, format).map_err(|problem| format!("{name}, {problem}"))
}

/// Parses the user ids in one column. The first row contains the column names. A value that is neither empty nor an id
/// is an error, because the caller may have named the wrong column.
pub fn parse(content: &[u8], column: &str, format: Format) -> Result<Column, String> {
    let mut rows = Rows::new(content, format);
    let header = rows
        .next()?
        .ok_or("line 1: the file is empty; expected the names of the columns")?;
    let place = place(&header, column)?;
    let (mut users, mut without_id) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if row.fields.len() != header.fields.len() {
            let (found, expected) = (row.fields.len(), header.fields.len());
            return Err(row.at(format_args!(
                "expected {expected} columns as in the first row, found {found}"
            )));
        }
        // The row is read as bytes, because the other columns may have any encoding.
        let id = &row.fields[place];
        if id.is_empty() {
            without_id += 1;
        } else {
            let id = std::str::from_utf8(id).map_err(|_| row.at("this is not text"))?;
            users.push(id.parse().map_err(|e| row.at(e))?);
        }
    }
    Ok(Column { users, without_id })
}

fn place(header: &Row<'_>, column: &str) -> Result<usize, String> {
    let names = || header.fields.iter().enumerate();
    let mut places = names().filter(|(_, name)| *name == column.as_bytes());
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        (Some(_), Some(_)) => Err(header.at(format_args!("several columns are named `{column}`"))),
        (None, _) => {
            let names: Vec<_> = names()
                .map(|(_, name)| String::from_utf8_lossy(name).escape_debug().to_string())
                .collect();
            let names = names.join(", ");
            Err(header.at(format_args!("no column `{column}`; there are: {names}")))
        }
    }
}

struct Row<'a> {
    fields: ByteRecord,
    before: &'a [u8],
    raw: &'a [u8],
}

impl Row<'_> {
    /// Prefixes an error message with the line numbers of the record.
    fn at(&self, problem: impl Display) -> String {
        let first = input::lines(self.before).count() + 1;
        match input::lines(self.raw).count() {
            0 | 1 => format!("line {first}: {problem}"),
            lines => format!("lines {first}-{}: {problem}", first + lines - 1),
        }
    }
}

/// Reads the records of a CSV file, and checks the quotes of each record.
struct Rows<'a> {
    content: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    format: Format,
}

impl<'a> Rows<'a> {
    fn new(content: &'a [u8], format: Format) -> Self {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(format.delimiter)
            .trim(csv::Trim::All)
            .from_reader(content);
        Self {
            content,
            reader,
            format,
        }
    }

    /// Returns the next record. Skips empty lines.
    fn next(&mut self) -> Result<Option<Row<'a>>, String> {
        let start = self.position();
        let mut fields = ByteRecord::new();
        let found = self.reader.read_byte_record(&mut fields);
        if !found.map_err(|e| e.to_string())? {
            return Ok(None);
        }
        let read = &self.content[start..self.position()];
        // The bytes in `read` include empty lines before the record and the line end after the record. Both are removed
        // here.
        let text = |byte: &u8| !b"\r\n".contains(byte);
        let from = read.iter().position(text).unwrap_or(read.len());
        let to = read.iter().rposition(text).map_or(from, |last| last + 1);
        let row = Row {
            fields,
            before: &self.content[..start + from],
            raw: &read[from..to],
        };
        self.check(&row)?;
        Ok(Some(row))
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.position().byte()).expect("within the content")
    }

    fn check(&self, row: &Row<'_>) -> Result<(), String> {
        let quotes = Quotes::of(row.raw, self.format.delimiter);
        let spans_lines = input::lines(row.raw).nth(1).is_some();
        if quotes == Quotes::Open {
            return Err(row.at("a quote is still open at the end of the file"));
        }
        if spans_lines && !self.format.multiline {
            return Err(
                row.at("a quoted field spans these lines; if that is right, add --multiline")
            );
        }
        if quotes == Quotes::ClosedWithinField && self.format.multiline {
            return Err(row.at("there is text after a closing quote"));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quotes {
    Sound,
    /// A quoted field has no closing quote.
    Open,
    /// A quoted field has text after its closing quote.
    ClosedWithinField,
}

impl Quotes {
    /// Checks the quotes of a record by the rules of the `csv` crate. A quote opens a quoted field only at the start of
    /// the field. Two quotes inside a quoted field represent one quote character.
    fn of(record: &[u8], delimiter: u8) -> Self {
        #[derive(Clone, Copy)]
        enum At {
            Start,
            Plain,
            Quoted,
            Quote,
            Spaces,
        }
        let (mut at, mut quotes) = (At::Start, Self::Sound);
        for byte in record {
            at = match (at, byte) {
                (At::Start, b'"') => At::Quoted,
                (At::Quoted, b'"') => At::Quote,
                (At::Quote, b'"') | (At::Quoted, _) => At::Quoted,
                (_, byte) if *byte == delimiter => At::Start,
                (At::Quote | At::Spaces, b' ' | b'\t') => At::Spaces,
                (At::Quote | At::Spaces, _) => {
                    quotes = Self::ClosedWithinField;
                    At::Plain
                }
                (At::Start | At::Plain, _) => At::Plain,
            };
        }
        if matches!(at, At::Quoted) {
            Self::Open
        } else {
            quotes
        }
    }
}
