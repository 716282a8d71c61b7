//! A document: its references, paths and operations.

use serde_json::{Map, Value};
use std::cmp::Reverse;

pub const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// The longest chain of references that is followed.
const LONGEST_CHAIN: usize = 100;

type Object = Map<String, Value>;

/// An OpenAPI document of version 3.
pub struct Document<'a> {
    root: &'a Object,
    name: &'static str,
    /// Whether it is 3.0, where what stands beside a `$ref` does not count.
    pub is_old: bool,
}

/// An operation, and the path item that it stands in.
pub struct Operation<'a> {
    pub method: &'static str,
    /// Its own path; the names of the parameters may be others than ours.
    pub path: &'a str,
    pub value: &'a Object,
    pub items: Vec<&'a Object>,
}

impl<'a> Document<'a> {
    pub fn new(name: &'static str, root: &'a Value) -> Result<Self, String> {
        let root = object(root).map_err(|e| format!("{name}: {e}"))?;
        let version = match (root.get("openapi"), root.get("swagger")) {
            (Some(Value::String(version)), _) if version.starts_with("3.") => version,
            (Some(other), _) => {
                return Err(format!("{name}: `openapi`: expected 3.x, found {other}"));
            }
            (None, Some(version)) => {
                return Err(format!(
                    "{name}: it is Swagger {version}; expected OpenAPI 3.x"
                ));
            }
            (None, None) => {
                return Err(format!(
                    "{name}: it has no `openapi`; expected an OpenAPI 3.x document"
                ));
            }
        };
        Ok(Self {
            root,
            name,
            is_old: version.starts_with("3.0"),
        })
    }

    /// What a reference within the document leads to.
    pub fn target(&self, reference: &str) -> Result<&'a Value, String> {
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(format!(
                "{}: `{reference}` leads to another document; bundle it into one",
                self.name
            ));
        };
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        let mut tokens = pointer.split('/');
        let found = (tokens.next() == Some(""))
            .then(|| tokens.next())
            .flatten()
            .and_then(|first| {
                let rest = pointer.get(1 + first.len()..)?;
                self.root
                    .get(&first.replace("~1", "/").replace("~0", "~"))?
                    .pointer(rest)
            });
        found.ok_or_else(|| format!("{}: `{reference}` leads nowhere", self.name))
    }

    /// The object itself, behind any references.
    pub fn resolve(&self, value: &'a Value) -> Result<&'a Object, String> {
        Ok(*self.chain(value)?.last().expect("it starts with one"))
    }

    /// The object, the one that it refers to, and so on.
    fn chain(&self, value: &'a Value) -> Result<Vec<&'a Object>, String> {
        let mut chain = vec![object(value)?];
        while let Some(reference) = chain.last().and_then(|last| last.get("$ref")) {
            let reference = text(reference, "$ref")?;
            if chain.len() > LONGEST_CHAIN {
                return Err(format!(
                    "{}: `{reference}` is a circle or too long a chain of references",
                    self.name
                ));
            }
            chain.push(object(self.target(reference)?)?);
        }
        Ok(chain)
    }

    /// A component that is named, not referred to.
    pub fn component(&self, kind: &str, component: &str) -> Result<&'a Object, String> {
        let components = self
            .root
            .get("components")
            .and_then(|components| components.get(kind));
        let found = components.and_then(|components| components.get(component));
        let missing = || format!("{}: `{component}` is not in components.{kind}", self.name);
        self.resolve(found.ok_or_else(missing)?)
    }

    /// What an operation says, or else the whole document.
    pub fn own_or_general(&self, operation: &Operation<'a>, key: &str) -> Option<&'a Value> {
        operation.value.get(key).or_else(|| self.root.get(key))
    }

    pub fn paths(&self) -> Result<impl Iterator<Item = &'a str>, String> {
        // OpenAPI 3.1 may have none, and extensions stand among them.
        let paths = match self.root.get("paths") {
            None => None,
            Some(paths) => Some(object(paths).map_err(|e| format!("{}: `paths`: {e}", self.name))?),
        };
        Ok(paths
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .filter(|path| path.starts_with('/')))
    }

    pub fn operations(&self, path: &'a str) -> Result<Vec<Operation<'a>>, String> {
        let at = |e| format!("{path}: {e}");
        let items = self.chain(&self.root["paths"][path]).map_err(at)?;
        let mut operations = Vec::new();
        for method in METHODS {
            if let Some(value) = items.iter().find_map(|item| item.get(method)) {
                let value = object(value).map_err(at)?;
                operations.push(Operation {
                    method,
                    path,
                    value,
                    items: items.clone(),
                });
            }
        }
        Ok(operations)
    }

    /// The operation that answers to one of ours; else what there is instead.
    pub fn find(
        &self,
        ours: &Document<'_>,
        operation: &Operation<'_>,
    ) -> Result<Result<Operation<'a>, String>, String> {
        let addresses = |document: &Document<'_>, operation: &Operation<'_>| {
            let addresses = document.addresses(operation);
            addresses.map_err(|e| format!("{}: {}: {e}", document.name, operation.path))
        };
        let nameless_all =
            |addresses: &[String]| addresses.iter().map(|a| nameless(a)).collect::<Vec<_>>();
        let wanted = nameless_all(&addresses(ours, operation)?);
        let own = nameless(operation.path);
        let (mut others, mut elsewhere) = (Vec::new(), Vec::new());
        let mut nearest = (0, Reverse(""));
        for candidate in self.paths()? {
            let path = nameless(candidate);
            // Two paths that differ in a parameter's name only are one, and a server's path may come first.
            let may_be = wanted.iter().any(|wanted| wanted.ends_with(&path)) || path == own;
            for theirs in may_be
                .then(|| self.operations(candidate))
                .transpose()?
                .into_iter()
                .flatten()
            {
                let found = addresses(self, &theirs)?;
                let is_here = nameless_all(&found)
                    .iter()
                    .any(|address| wanted.contains(address));
                match (is_here, theirs.method == operation.method) {
                    (true, true) => return Ok(Ok(theirs)),
                    (true, false) => others.push(theirs.method.to_uppercase()),
                    (false, true) if path == own => elsewhere.extend(found),
                    (false, _) => {}
                }
            }
            nearest = nearest.max((common(&path, &own), Reverse(candidate)));
        }
        Ok(Err(if !elsewhere.is_empty() {
            format!("it at {}, by its servers", elsewhere.join(" or "))
        } else if !others.is_empty() {
            format!("only {} at this path", others.join(", "))
        } else if nearest.0 * 2 > own.split('/').count() {
            format!("no such path; the nearest is {}", nearest.1.0)
        } else {
            "no such path".to_owned()
        }))
    }

    /// Where an operation is: its path after that of each server. Only the innermost servers count.
    fn addresses(&self, operation: &Operation<'_>) -> Result<Vec<String>, String> {
        let owners = [operation.value]
            .into_iter()
            .chain(operation.items.iter().copied())
            .chain([self.root]);
        for servers in owners.filter_map(|owner| owner.get("servers")) {
            let servers = list(servers, "servers")?;
            // An empty list is as good as none.
            if !servers.is_empty() {
                let address = |server| format!("{}{}", server_path(server), operation.path);
                return Ok(servers.iter().map(address).collect());
            }
        }
        Ok(vec![operation.path.to_owned()])
    }
}

pub fn object(value: &Value) -> Result<&Object, String> {
    value
        .as_object()
        .ok_or_else(|| format!("expected an object, found {}", kind(value)))
}

pub fn list<'a>(value: &'a Value, what: &str) -> Result<&'a Vec<Value>, String> {
    value
        .as_array()
        .ok_or_else(|| format!("`{what}`: expected a list, found {}", kind(value)))
}

pub fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("`{what}`: expected a text, found {}", kind(value)))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The names of the parameters of a path, in order.
pub fn names(path: &str) -> Vec<&str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

fn nameless(path: &str) -> String {
    names(path).iter().fold(path.to_owned(), |path, name| {
        path.replace(&format!("{{{name}}}"), "{}")
    })
}

/// The path of a server's URL, with the default values of its variables. What cannot be read is left as it is, and
/// so begins no path.
fn server_path(server: &Value) -> String {
    let Some(url) = server["url"].as_str() else {
        return server.to_string();
    };
    let mut url = url.to_owned();
    for (name, variable) in server["variables"].as_object().into_iter().flatten() {
        url = url.replace(
            &format!("{{{name}}}"),
            variable["default"].as_str().unwrap_or_default(),
        );
    }
    // A relative one is relative to where the document is: at the host, as far as is known.
    let base = url::Url::parse("https://host/").expect("a valid address");
    base.join(&url)
        .map_or(url, |url| url.path().trim_end_matches('/').to_owned())
}

/// How many parts of two paths are the same, counted from both ends.
fn common(path: &str, other: &str) -> usize {
    let forward = path
        .split('/')
        .zip(other.split('/'))
        .take_while(|(a, b)| a == b)
        .count();
    let backward = path
        .rsplit('/')
        .zip(other.rsplit('/'))
        .take_while(|(a, b)| a == b)
        .count();
    (forward + backward).min(path.split('/').count())
}
