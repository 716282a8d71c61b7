//! What differs between two OpenAPI documents, for the operations of the first.
//!
//! Judged from the view of a client that is generated from our document and meets the vendor's server.
//! Breaking is what such a client may be refused for, cannot read, or waits for in vain; additive is every other
//! difference. What is only another form of the same – a reference, `nullable`, an `allOf` of parts – is none.
//!
//! Where the documents leave it open:
//! - An answer may say more than we need. A list of values that we keep open on purpose is no difference
//!   to a closed one, nor is an optional field that we also take as null to one that is never null.
//! - A limit that the vendor does not state is no difference in an answer and in the path: ours says what
//!   an id can be. A stated one is compared. A cap on a list of an answer is breaking, as we take the list for whole.
//! - A value that the vendor no longer lists is breaking: the crate waits for what has a name in it.
//! - Statuses of errors and their bodies are no difference: our one error body takes anything. Another
//!   status below 400 is breaking, as the client takes it for an odd answer.
//! - Credentials are compared by what is sent, not by the scheme's name. An API key has no scopes.
//! - The hosts are not compared. The path of a server's URL is part of an operation's path: the two together must
//!   be ours, for one server of the innermost that the vendor names (operation, then path item, then document).
//! - `format`, and in answers `pattern`, are no difference: a text is a `String` with or without them.
//! - A keyword of a request's schema that is neither understood nor an annotation is breaking, so that somebody
//!   looks; `keywords.rs` lists both kinds. In an answer it can only narrow what we read.
//!
//! References are followed by hand, with the JSON pointers of `serde_json`: here they lead into the one document and
//! nowhere else, and ours is 3.0 while the vendor's is 3.1. The typed crates read one of the two (`openapiv3`, and
//! `drift`, which compares by it: 3.0; `oas3`: 3.1); `referencing` is for identifiers, anchors and many documents.

mod difference;
mod document;
mod fields;
mod keywords;
mod limit;
mod operation;
mod schema;
mod security;

pub use difference::Report;
use difference::Severity;
use document::Document;
use serde_json::Value;

/// What `vendor` has otherwise than `ours`, for every operation of `ours`.
pub fn compare(ours: &Value, vendor: &Value) -> Result<Report, String> {
    // The message quotes the document.
    compare_all(ours, vendor).map_err(|problem| difference::escaped(&problem))
}

fn compare_all(ours: &Value, vendor: &Value) -> Result<Report, String> {
    let ours = Document::new("our specification", ours)?;
    let vendor = Document::new("the vendor's document", vendor)?;
    let mut report = Report::default();
    let mut steps = schema::STEPS;
    for path in ours.paths()? {
        for operation in ours.operations(path)? {
            report.operation = format!("{} {path}", operation.method.to_uppercase());
            match vendor.find(&ours, &operation)? {
                Ok(theirs) => {
                    let mut comparison = operation::Comparison {
                        ours: &ours,
                        vendor: &vendor,
                        report: &mut report,
                        steps,
                    };
                    comparison.operations(&operation, &theirs)?;
                    steps = comparison.steps;
                }
                Err(instead) => {
                    report.add(Severity::Breaking, "", "operation", "it", &instead);
                }
            }
        }
    }
    Ok(report)
}
