//! Reads the document: is it whole, and what does the hand-written part take from it?

use super::{IDS, STATUS, pascal};
use openapiv3::{Info, OpenAPI, Operation, PathItem, ReferenceOr, Schema, SecurityScheme, Server};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The operations that `src/` calls, each with its method.
const OPERATIONS: [(&str, &str); 2] =
    [("getPackAssignments", "get"), ("assignUsersToPack", "post")];
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The document, once it is known to be YAML, of version 3.0, and without a dangling reference.
pub fn read(document: &str) -> Result<Value, String> {
    let unreadable = |e: yaml_serde::Error| format!("expected YAML, but it cannot be read: {e}");
    // By way of YAML's own value, which refuses a key that is there twice.
    let yaml: yaml_serde::Value = yaml_serde::from_str(document).map_err(unreadable)?;
    let raw = serde_json::to_value(yaml).map_err(|e| format!("expected names as keys: {e}"))?;
    if !raw["openapi"]
        .as_str()
        .is_some_and(|version| version.starts_with("3.0."))
    {
        return Err(format!(
            "openapi: expected 3.0.x, as the generator reads no other, found {}",
            shown(&raw["openapi"])
        ));
    }
    references(&raw, &raw, "")?;
    for (path, method, operation) in operations(&raw) {
        responses(&raw, operation, &format!("paths.{path}.{method}.responses"))?;
    }
    Ok(raw)
}

/// The document as the generator takes it.
///
/// From the value, not from the text: to read that type in a second way is nearly half of the code of a
/// build script, which every user compiles.
pub fn typed(raw: &Value) -> Result<OpenAPI, String> {
    part(raw).map_err(|problem| {
        let (place, problem) = fault(raw).unwrap_or_else(|| (String::new(), problem));
        format!("{place}expected an OpenAPI 3.0 document: {problem}")
    })
}

fn part<T: DeserializeOwned>(raw: &Value) -> Result<T, String> {
    serde_json::from_value(raw.clone()).map_err(|e| e.to_string())
}

/// The first part that is at fault by itself, and what is wrong with it.
fn fault(raw: &Value) -> Option<(String, String)> {
    fn wrong<T: DeserializeOwned>(place: String, raw: &Value) -> Option<(String, String)> {
        part::<T>(raw)
            .err()
            .map(|problem| (format!("{place}: "), problem))
    }
    let components = &raw["components"];
    let info = std::iter::once_with(|| wrong::<Info>("info".to_owned(), &raw["info"]));
    let servers = (raw["servers"].as_array().into_iter().flatten().enumerate())
        .map(|(index, server)| wrong::<Server>(format!("servers[{index}]"), server));
    let schemas = map(&components["schemas"]).map(|(name, schema)| {
        wrong::<ReferenceOr<Schema>>(format!("components.schemas.{name}"), schema)
    });
    let schemes = map(&components["securitySchemes"]).map(|(name, scheme)| {
        wrong::<ReferenceOr<SecurityScheme>>(format!("components.securitySchemes.{name}"), scheme)
    });
    let operations = operations(raw).map(|(path, method, operation)| {
        wrong::<Operation>(format!("paths.{path}.{method}"), operation)
    });
    let paths = map(&raw["paths"])
        .map(|(path, item)| wrong::<ReferenceOr<PathItem>>(format!("paths.{path}"), item));
    info.chain(servers)
        .chain(schemas)
        .chain(schemes)
        .chain(operations)
        .chain(paths)
        .flatten()
        .next()
}

/// What the hand-written part takes from the document.
pub struct Facts {
    /// The most user ids in one request.
    pub max_items: usize,
    /// The known values of the status.
    pub statuses: Vec<String>,
    /// The servers.
    pub regions: Vec<Region>,
    /// The path of both operations.
    pub path: String,
    /// The header that carries an API key.
    pub key_header: String,
    /// The path of the token endpoint.
    pub token_path: String,
    /// The scopes, in the document's order.
    pub scopes: Vec<String>,
}

/// A server and the region it stands for.
pub struct Region {
    /// Its name, as a Rust variant.
    pub name: String,
    /// Where it is, without a slash at the end.
    pub url: String,
    /// Its description.
    pub text: String,
}

impl Facts {
    /// Takes the facts, or says which one is missing and where it belongs.
    pub fn read(raw: &Value) -> Result<Self, String> {
        let schemas = &raw["components"]["schemas"];
        for id in IDS {
            let schema = &schemas[id];
            if schema["type"] != "integer" || schema["format"] != "int64" || schema["minimum"] != 1
            {
                return Err(format!(
                    "components.schemas.{id}: expected `type: integer`, `format: int64` and `minimum: 1`, found {}",
                    shown(schema)
                ));
            }
        }
        let most = &schemas["AssignUsersRequest"]["properties"]["userIds"]["maxItems"];
        let max_items = most.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).ok_or_else(|| {
            format!(
                "components.schemas.AssignUsersRequest.properties.userIds.maxItems: expected the most user ids \
                 that a request may carry, an integer of at least 1, found {}",
                shown(most)
            )
        })?;
        let (key_header, token_path, scopes) = security(raw)?;
        Ok(Self {
            max_items,
            statuses: statuses(&schemas[STATUS])?,
            regions: regions(&raw["servers"])?,
            path: path(raw)?,
            key_header,
            token_path,
            scopes,
        })
    }
}

/// How a value is named in a message.
fn shown(value: &Value) -> String {
    let text = if value.is_null() {
        "nothing".to_owned()
    } else {
        value.to_string()
    };
    if text.chars().count() > 80 {
        format!("{}…", text.chars().take(80).collect::<String>())
    } else {
        text
    }
}

fn map(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn operations(raw: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    map(&raw["paths"]).flat_map(|(path, item)| {
        map(item)
            .filter(|(key, _)| METHODS.contains(&key.as_str()))
            .map(move |(method, op)| (path, method, op))
    })
}

/// Every reference leads to a place in this document.
fn references(raw: &Value, value: &Value, place: &str) -> Result<(), String> {
    let below = |key: &str| {
        if place.is_empty() {
            key.to_owned()
        } else {
            format!("{place}.{key}")
        }
    };
    match value {
        Value::Object(object) => object.iter().try_for_each(|(key, value)| match value {
            Value::String(target) if key == "$ref" => {
                match target.strip_prefix('#').and_then(|at| raw.pointer(at)) {
                    Some(_) => Ok(()),
                    None => Err(format!(
                        "{}: expected a place in this file, found {target}",
                        below(key)
                    )),
                }
            }
            _ => references(raw, value, &below(key)),
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| references(raw, item, &format!("{place}[{at}]"))),
        _ => Ok(()),
    }
}

/// An operation has one type of success and one of error: the generator asserts it.
fn responses(raw: &Value, operation: &Value, place: &str) -> Result<(), String> {
    let mut seen: [Option<(&str, &Value)>; 2] = [None, None];
    for (code, response) in map(&operation["responses"]) {
        let success = match code.chars().next() {
            Some('2') => true,
            Some('4' | '5') => false,
            _ => {
                return Err(format!(
                    "{place}.{code}: expected statuses of the kinds 2, 4 and 5 (such as 200, `4XX` and `5XX`)"
                ));
            }
        };
        let target = response["$ref"]
            .as_str()
            .and_then(|target| raw.pointer(target.trim_start_matches('#')));
        let body = &target.unwrap_or(response)["content"]["application/json"]["schema"];
        match seen[usize::from(success)] {
            None => seen[usize::from(success)] = Some((code, body)),
            Some((_, other)) if other == body => {}
            Some((first, _)) => {
                let kind = if success { "success" } else { "error" };
                return Err(format!(
                    "{place}.{code}: expected the body of {first}, as an operation has one type of {kind}, found {}",
                    shown(body)
                ));
            }
        }
    }
    if seen[1].is_none() {
        return Err(format!(
            "{place}: expected a success such as 200, found none"
        ));
    }
    Ok(())
}

/// The path of the operations that `src/` calls, each there under its name and method.
fn path(raw: &Value) -> Result<String, String> {
    let mut of: Option<&str> = None;
    for (name, method) in OPERATIONS {
        let found = operations(raw).find(|(_, m, o)| *m == method && o["operationId"] == name);
        let Some((path, ..)) = found else {
            let found: Vec<_> = operations(raw)
                .map(|(_, m, o)| format!("{m} {}", shown(&o["operationId"])))
                .collect();
            return Err(format!(
                "paths: expected the operation `{method}` with `operationId: {name}`, which src/ calls, found {}",
                if found.is_empty() {
                    "none".to_owned()
                } else {
                    found.join(", ")
                }
            ));
        };
        if *of.get_or_insert(path) != *path {
            return Err(format!(
                "paths.{path}.{method}: expected `{name}` beside `{}`",
                OPERATIONS[0].0
            ));
        }
    }
    let path = of.unwrap_or_default();
    if path.matches("{packId}").count() != 1 || path.matches('{').count() != 1 {
        return Err(format!(
            "paths.{path}: expected one parameter in the path, `{{packId}}`"
        ));
    }
    Ok(path.to_owned())
}

fn statuses(schema: &Value) -> Result<Vec<String>, String> {
    let place = format!("components.schemas.{STATUS}.anyOf");
    let parts = schema["anyOf"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let known = parts
        .iter()
        .find_map(|part| part["enum"].as_array())
        .filter(|known| !known.is_empty());
    let open = parts
        .iter()
        .any(|part| part["type"] == "string" && part.get("enum").is_none());
    let Some(known) = known.filter(|_| open) else {
        return Err(format!(
            "{place}: expected an `enum` of the known values, beside a plain string for those to come"
        ));
    };
    let mut names = vec!["Other".to_owned()];
    let mut statuses = Vec::new();
    for value in known {
        let name = value.as_str().map(pascal).unwrap_or_default();
        if !is_identifier(&name) || names.contains(&name) {
            return Err(format!(
                "{place}.enum: expected values that make a name in Rust each, another than {}, found {}",
                names.join(", "),
                shown(value)
            ));
        }
        names.push(name);
        statuses.extend(value.as_str().map(str::to_owned));
    }
    Ok(statuses)
}

fn regions(servers: &Value) -> Result<Vec<Region>, String> {
    let servers = servers.as_array().map(Vec::as_slice).unwrap_or_default();
    if servers.is_empty() {
        return Err(
            "servers: expected one for each region, the default first, found none".to_owned(),
        );
    }
    let mut regions: Vec<Region> = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let name = server["x-region"].as_str().unwrap_or_default();
        if !is_identifier(name) || regions.iter().any(|region| region.name == name) {
            return Err(format!(
                "servers[{index}].x-region: expected a name of its own, one capitalised word, found {}",
                shown(&server["x-region"])
            ));
        }
        let url = server["url"].as_str().unwrap_or_default();
        if !url.starts_with("https://") || url.ends_with('/') || url.contains('{') {
            return Err(format!(
                "servers[{index}].url: expected https:// and no slash at the end, found {url}"
            ));
        }
        let text = server["description"]
            .as_str()
            .unwrap_or_default()
            .trim()
            .replace('\n', " ");
        regions.push(Region {
            name: name.to_owned(),
            url: url.to_owned(),
            text,
        });
    }
    Ok(regions)
}

/// The header of an API key, the path of the token endpoint, the scopes.
fn security(raw: &Value) -> Result<(String, String, Vec<String>), String> {
    const PLACE: &str = "components.securitySchemes";
    let schemes = &raw["components"]["securitySchemes"];
    let key = map(schemes)
        .find(|(_, scheme)| scheme["type"] == "apiKey" && scheme["in"] == "header")
        .and_then(|(_, scheme)| scheme["name"].as_str())
        .ok_or_else(|| format!("{PLACE}: expected an `apiKey` in a header, found none"))?;
    let (name, flow) = map(schemes)
        .find(|(_, scheme)| {
            scheme["type"] == "oauth2" && scheme["flows"].get("clientCredentials").is_some()
        })
        .map(|(name, scheme)| (name, &scheme["flows"]["clientCredentials"]))
        .ok_or_else(|| {
            format!("{PLACE}: expected `oauth2` with the flow `clientCredentials`, found none")
        })?;
    let flow_place = format!("{PLACE}.{name}.flows.clientCredentials");
    let url = flow["tokenUrl"].as_str().unwrap_or_default();
    let path = url
        .strip_prefix("https://")
        .and_then(|rest| rest.find('/').map(|slash| &rest[slash..]))
        .filter(|path| path.len() > 1)
        .ok_or_else(|| {
            format!("{flow_place}.tokenUrl: expected https:// with a path, found {url}")
        })?;
    let none = Map::new();
    let scopes = flow["scopes"].as_object().unwrap_or(&none);
    if scopes.is_empty() {
        return Err(format!(
            "{flow_place}.scopes: expected those of the operations, found none"
        ));
    }
    // A scope that an operation needs but that is not listed would never be asked for.
    for (path, method, operation) in operations(raw) {
        let wanted = operation["security"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(map)
            .filter(|(s, _)| *s == name);
        for scope in wanted.flat_map(|(_, scopes)| scopes.as_array().into_iter().flatten()) {
            if !scope
                .as_str()
                .is_some_and(|scope| scopes.contains_key(scope))
            {
                return Err(format!(
                    "paths.{path}.{method}.security: expected a scope of {flow_place}.scopes, found {}",
                    shown(scope)
                ));
            }
        }
    }
    Ok((
        key.to_owned(),
        path.to_owned(),
        scopes.keys().cloned().collect(),
    ))
}

fn is_identifier(name: &str) -> bool {
    // `Self` is the one capitalised keyword.
    name != "Self"
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}
