//! Which credential an operation takes, and with which scopes.

use super::difference::Severity::{self, Additive, Breaking};
use super::document::{Document, Operation, list, object, text};
use super::operation::Comparison;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is sent to prove who asks, whatever the scheme is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Credential {
    Key {
        location: String,
        name: String,
    },
    /// OAuth 2.0, OpenID Connect and plain bearer: the same header.
    Bearer,
    Other(String),
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { location, name } => write!(f, "key in {location} {name}"),
            Self::Bearer => f.write_str("bearer token"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

#[derive(Default)]
struct Terms<'a> {
    scopes: BTreeSet<&'a str>,
    flows: Option<&'a Map<String, Value>>,
}

/// Credentials that are asked for together.
type Requirement<'a> = BTreeMap<Credential, Terms<'a>>;

impl<'o, 'v> Comparison<'_, 'o, 'v> {
    pub(super) fn security(
        &mut self,
        ours: &Operation<'o>,
        vendor: &Operation<'v>,
    ) -> Result<(), String> {
        let (mine, theirs) = (
            requirements(self.ours, ours)?,
            requirements(self.vendor, vendor)?,
        );
        let add = &mut |severity, what: &str, ours: &str, vendor: &str| {
            self.report.add(severity, "security", what, ours, vendor);
        };
        let is_free =
            |all: &[Requirement<'_>]| all.is_empty() || all.iter().any(BTreeMap::is_empty);
        match (is_free(&mine), is_free(&theirs)) {
            (true, true) => return Ok(()),
            (false, true) => {
                add(Additive, "credential", &any_of(&mine), "none needed");
                return Ok(());
            }
            (true, false) => {
                add(Breaking, "credential", "none needed", &any_of(&theirs));
                return Ok(());
            }
            (false, false) => {}
        }
        for have in &mine {
            // Further scopes count less than a further credential: the nearest is what the vendor means.
            let enough = theirs
                .iter()
                .filter(|need| need.keys().all(|key| have.contains_key(key)));
            let lacking = |need: &&Requirement<'_>| -> usize {
                need.iter()
                    .map(|(key, need)| need.scopes.difference(&have[key].scopes).count())
                    .sum()
            };
            let Some(need) = enough.min_by_key(lacking) else {
                add(Breaking, "credential", &all_of(have), &any_of(&theirs));
                continue;
            };
            for (credential, need) in need {
                let have = &have[credential];
                for scope in need.scopes.difference(&have.scopes) {
                    add(Breaking, "scope", "none", scope);
                }
                for scope in have.scopes.difference(&need.scopes) {
                    add(Additive, "scope", scope, "none");
                }
                if let (Some(mine), Some(theirs)) = (have.flows, need.flows) {
                    flows(mine, theirs, add);
                }
            }
        }
        for need in &theirs {
            if !mine.iter().any(|have| need.keys().eq(have.keys())) {
                add(Additive, "credential", "none", &all_of(need));
            }
        }
        Ok(())
    }

    /// The headers that carry the keys of an operation of ours.
    pub(super) fn headers_of_keys(&self, ours: &Operation<'o>) -> Result<Vec<String>, String> {
        let keys = requirements(self.ours, ours)?
            .into_iter()
            .flat_map(BTreeMap::into_keys);
        Ok(keys
            .filter_map(|credential| match credential {
                Credential::Key { location, name } if location == "header" => Some(name),
                _ => None,
            })
            .collect())
    }
}

/// How a token is got.
fn flows(
    ours: &Map<String, Value>,
    vendor: &Map<String, Value>,
    add: &mut dyn FnMut(Severity, &str, &str, &str),
) {
    for (flow, mine) in ours {
        let Some(theirs) = vendor.get(flow) else {
            let all = vendor
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            add(
                Breaking,
                "flow",
                flow,
                if all.is_empty() { "none" } else { &all },
            );
            continue;
        };
        // The path alone: the crate asks the host that it talks to.
        if let (Some(mine), Some(theirs)) = (token_path(mine), token_path(theirs))
            && mine != theirs
        {
            add(Breaking, "tokenUrl", &mine, &theirs);
        }
    }
}

fn token_path(flow: &Value) -> Option<String> {
    let address = flow["tokenUrl"]
        .as_str()
        .filter(|address| !address.is_empty())?;
    // A relative one is relative to the host; which one does not matter.
    let base = url::Url::parse("https://host/").expect("a valid address");
    base.join(address).ok().map(|url| url.path().to_owned())
}

/// One of them is enough. None: nothing is needed.
fn requirements<'a>(
    document: &Document<'a>,
    operation: &Operation<'a>,
) -> Result<Vec<Requirement<'a>>, String> {
    let mut all = Vec::new();
    let stated = document.own_or_general(operation, "security");
    for together in stated
        .map(|stated| list(stated, "security"))
        .transpose()?
        .into_iter()
        .flatten()
    {
        let mut requirement = Requirement::new();
        for (name, scopes) in object(together)? {
            let scheme = document.component("securitySchemes", name)?;
            let of = |key| text(scheme.get(key).unwrap_or(&Value::Null), key).map(str::to_owned);
            let credential = match of("type")?.as_str() {
                "apiKey" => {
                    let (location, name) = (of("in")?, of("name")?);
                    // The name of a header is the same in any case.
                    let name = if location == "header" {
                        name.to_ascii_uppercase()
                    } else {
                        name
                    };
                    Credential::Key { location, name }
                }
                "oauth2" | "openIdConnect" => Credential::Bearer,
                "http" if of("scheme")?.eq_ignore_ascii_case("bearer") => Credential::Bearer,
                "http" => Credential::Other(format!("HTTP {}", of("scheme")?)),
                other => Credential::Other(other.to_owned()),
            };
            let has_scopes = credential == Credential::Bearer;
            let terms = requirement.entry(credential).or_default();
            terms.flows = terms
                .flows
                .or_else(|| scheme.get("flows").and_then(Value::as_object));
            for scope in list(scopes, name)?.iter().filter(|_| has_scopes) {
                terms.scopes.insert(text(scope, name)?);
            }
        }
        all.push(requirement);
    }
    Ok(all)
}

fn all_of(requirement: &Requirement<'_>) -> String {
    let all: Vec<_> = requirement.keys().map(ToString::to_string).collect();
    all.join(" with ")
}

fn any_of(requirements: &[Requirement<'_>]) -> String {
    let all: BTreeSet<_> = requirements.iter().map(all_of).collect();
    all.into_iter().collect::<Vec<_>>().join(" or ")
}
