//! One operation of ours beside the vendor's: parameters, body, answers.

use super::difference::{Report, Severity};
use super::document::{Document, Operation, list, names, object, text};
use super::fields::{Fields, Side};
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// Two documents, and what was found so far.
pub struct Comparison<'c, 'o, 'v> {
    pub ours: &'c Document<'o>,
    pub vendor: &'c Document<'v>,
    pub report: &'c mut Report,
    /// How many schemas may still be read.
    pub steps: usize,
}

struct Parameter<'a> {
    location: &'a str,
    name: &'a str,
    required: bool,
    /// How its value is written, where that is said.
    style: Option<&'a str>,
    schemas: Vec<&'a Value>,
}

impl<'o, 'v> Comparison<'_, 'o, 'v> {
    pub fn operations(
        &mut self,
        ours: &Operation<'o>,
        vendor: &Operation<'v>,
    ) -> Result<(), String> {
        let at = |part: &str, e: String| {
            format!("{} {}: {part}: {e}", ours.method.to_uppercase(), ours.path)
        };
        self.parameters(ours, vendor)
            .map_err(|e| at("parameters", e))?;
        self.request(ours, vendor).map_err(|e| at("request", e))?;
        self.answers(ours, vendor).map_err(|e| at("answer", e))?;
        self.security(ours, vendor).map_err(|e| at("security", e))
    }

    fn parameters(&mut self, ours: &Operation<'o>, vendor: &Operation<'v>) -> Result<(), String> {
        let (mine, theirs) = (
            parameters(self.ours, ours)?,
            parameters(self.vendor, vendor)?,
        );
        // By their place in the path, as the names are of no matter; from its end, as a server may come first.
        for (name, other) in names(ours.path)
            .iter()
            .rev()
            .zip(names(vendor.path).iter().rev())
        {
            let mine = mine
                .iter()
                .find(|p| p.location == "path" && p.name == *name);
            let theirs = theirs
                .iter()
                .find(|p| p.location == "path" && p.name == *other);
            if let (Some(mine), Some(theirs)) = (mine, theirs) {
                let place = format!("path.{name}");
                let [plain, other] =
                    [mine, theirs].map(|parameter| parameter.style.unwrap_or("simple"));
                if plain != other {
                    self.report
                        .add(Severity::Breaking, &place, "style", plain, other);
                }
                self.schemas(&place, Side::Path, &mine.schemas, &theirs.schemas)?;
            }
        }
        let key = self.headers_of_keys(ours)?;
        let counts = |p: &&Parameter<'_>| {
            let header = p.location == "header";
            let is = |name: &str| header && p.name.eq_ignore_ascii_case(name);
            // OpenAPI takes no account of these as parameters; a key is compared with the security.
            p.location != "path"
                && !["accept", "content-type", "authorization"]
                    .iter()
                    .any(|name| is(name))
                && !key.iter().any(|name| is(name))
        };
        let same = |a: &Parameter<'_>, b: &Parameter<'_>| {
            let name = if a.location == "header" {
                a.name.eq_ignore_ascii_case(b.name)
            } else {
                a.name == b.name
            };
            a.location == b.location && name
        };
        for mine in mine.iter().filter(counts) {
            let place = format!("{}.{}", mine.location, mine.name);
            let has = if mine.required {
                "it, required"
            } else {
                "it, optional"
            };
            match theirs.iter().find(|theirs| same(mine, theirs)) {
                None => self
                    .report
                    .add(Severity::Breaking, &place, "parameter", has, "none"),
                Some(theirs) => {
                    self.requirement(Side::Request, &place, mine.required, theirs.required);
                    self.schemas(&place, Side::Request, &mine.schemas, &theirs.schemas)?;
                }
            }
        }
        for theirs in theirs.iter().filter(counts) {
            if !mine.iter().any(|mine| same(mine, theirs)) {
                let place = format!("{}.{}", theirs.location, theirs.name);
                let (severity, has) = if theirs.required {
                    (Severity::Breaking, "it, required")
                } else {
                    (Severity::Additive, "it, optional")
                };
                self.report.add(severity, &place, "parameter", "none", has);
            }
        }
        Ok(())
    }

    fn request(&mut self, ours: &Operation<'o>, vendor: &Operation<'v>) -> Result<(), String> {
        let body = |body: &Object| body.get("required") == Some(&Value::Bool(true));
        let mine = ours
            .value
            .get("requestBody")
            .map(|body| self.ours.resolve(body))
            .transpose()?;
        let theirs = vendor
            .value
            .get("requestBody")
            .map(|body| self.vendor.resolve(body))
            .transpose()?;
        match (mine, theirs) {
            (None, None) => Ok(()),
            (Some(_), None) => {
                self.report
                    .add(Severity::Breaking, "request", "body", "one", "none");
                Ok(())
            }
            (None, Some(theirs)) => {
                let (severity, has) = if body(theirs) {
                    (Severity::Breaking, "one, required")
                } else {
                    (Severity::Additive, "one, optional")
                };
                self.report.add(severity, "request", "body", "none", has);
                Ok(())
            }
            (Some(mine), Some(theirs)) => {
                self.requirement(Side::Request, "request", body(mine), body(theirs));
                self.content("request", Side::Request, mine, theirs)
            }
        }
    }

    fn answers(&mut self, ours: &Operation<'o>, vendor: &Operation<'v>) -> Result<(), String> {
        let mine = ours.value.get("responses").map(object).transpose()?;
        let theirs = vendor.value.get("responses").map(object).transpose()?;
        for (status, answer) in mine
            .into_iter()
            .flatten()
            .filter(|(status, _)| status.starts_with('2'))
        {
            let range = format!("{}XX", &status[..1]);
            let found = [status.as_str(), &range, &range.to_lowercase(), "default"];
            let Some(found) = found.iter().find_map(|status| theirs?.get(*status)) else {
                let all = joined(theirs.into_iter().flat_map(Object::keys));
                self.report
                    .add(Severity::Breaking, "answer", "status", status, &all);
                continue;
            };
            let (mine, theirs) = (self.ours.resolve(answer)?, self.vendor.resolve(found)?);
            self.content("answer", Side::Answer, mine, theirs)?;
        }
        for status in theirs.into_iter().flat_map(Object::keys) {
            // A range says no more than that there may be others.
            let odd = status.starts_with(['2', '3']) && !status[1..].eq_ignore_ascii_case("xx");
            if odd && !mine.is_some_and(|mine| mine.contains_key(status)) {
                self.report
                    .add(Severity::Breaking, "answer", "status", "none", status);
            }
        }
        Ok(())
    }

    /// A body or an answer, by its types of content.
    fn content(
        &mut self,
        place: &str,
        side: Side,
        mine: &'o Object,
        theirs: &'v Object,
    ) -> Result<(), String> {
        let theirs = theirs.get("content").map(object).transpose()?;
        for (media, content) in mine
            .get("content")
            .map(object)
            .transpose()?
            .into_iter()
            .flatten()
        {
            let covering = theirs.into_iter().flatten();
            let covering =
                covering.filter_map(|(theirs, content)| Some((covers(theirs, media)?, content)));
            let found = covering.max_by_key(|(coverage, _)| *coverage);
            match (found, content.get("schema")) {
                (None, _) => {
                    let all = joined(theirs.into_iter().flat_map(Object::keys));
                    self.report
                        .add(Severity::Breaking, place, "content", media, &all);
                }
                (Some((_, theirs)), Some(schema)) => {
                    let theirs: Vec<_> = theirs.get("schema").into_iter().collect();
                    self.schemas(place, side, &[schema], &theirs)?;
                }
                (Some(_), None) => {}
            }
        }
        Ok(())
    }

    fn requirement(&mut self, side: Side, place: &str, mine: bool, theirs: bool) {
        let word = |required: bool| if required { "required" } else { "optional" };
        if let Some(severity) = side.of_requirement(mine, theirs) {
            self.report
                .add(severity, place, "presence", word(mine), word(theirs));
        }
    }

    fn schemas(
        &mut self,
        place: &str,
        side: Side,
        mine: &[&'o Value],
        theirs: &[&'v Value],
    ) -> Result<(), String> {
        let mut fields = Fields::new(self.ours, self.vendor, side, &mut self.steps);
        fields.compare(place, mine, theirs, false)?;
        for found in fields.found {
            self.report.add(
                found.severity,
                &found.place,
                &found.what,
                &found.ours,
                &found.vendor,
            );
        }
        Ok(())
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<_> = names.map(String::as_str).collect();
    names.sort_unstable();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Those of the operation, then those of the path that it does not name again.
fn parameters<'a>(
    document: &Document<'a>,
    operation: &Operation<'a>,
) -> Result<Vec<Parameter<'a>>, String> {
    let mut all: Vec<Parameter<'a>> = Vec::new();
    let owners = std::iter::once(operation.value).chain(operation.items.iter().copied());
    for owner in owners {
        let own = owner
            .get("parameters")
            .map(|own| list(own, "parameters"))
            .transpose()?;
        for parameter in own.into_iter().flatten() {
            let parameter = document.resolve(parameter)?;
            let of = |key| text(parameter.get(key).unwrap_or(&Value::Null), key);
            let (location, name) = (of("in")?, of("name")?);
            if all
                .iter()
                .any(|there| (there.location, there.name) == (location, name))
            {
                continue;
            }
            let required = parameter.get("required") == Some(&Value::Bool(true));
            let style = parameter
                .get("style")
                .map(|style| text(style, "style"))
                .transpose()?;
            let content = parameter
                .get("content")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            let content = content.filter_map(|(_, content)| content.get("schema"));
            let schemas = parameter
                .get("schema")
                .into_iter()
                .chain(content.take(1))
                .collect();
            all.push(Parameter {
                location,
                name,
                required,
                style,
                schemas,
            });
        }
    }
    Ok(all)
}

/// How closely a type of content, or a range of them, takes in ours; of several the closest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coverage {
    Any,
    Range,
    /// Up to the parameters: `; charset=utf-8`.
    Essence,
    Same,
}

fn covers(theirs: &str, ours: &str) -> Option<Coverage> {
    let essence = |media: &str| {
        media
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    let is_same = theirs.eq_ignore_ascii_case(ours);
    let (theirs, ours) = (essence(theirs), essence(ours));
    if theirs == ours {
        Some(if is_same {
            Coverage::Same
        } else {
            Coverage::Essence
        })
    } else if theirs == "*/*" {
        Some(Coverage::Any)
    } else {
        let range = theirs
            .strip_suffix('*')
            .filter(|range| range.ends_with('/') && ours.starts_with(range));
        range.map(|_| Coverage::Range)
    }
}
