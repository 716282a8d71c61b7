//! Collects the facts about an operation, such as its servers, security schemes, parameters, request and responses.

use super::document::{Result, fields, list, literal, resolve, target, text};
use super::facts::{Facts, Table, part};
use serde_json::{Value, json};

const METHODS: &str = "get put post delete options head patch trace";

/// Returns the method and the path of each operation.
pub fn operations(root: &Value) -> Result<Vec<(&str, &str)>> {
    let mut operations = Vec::new();
    for (path, item) in fields(&root["paths"])? {
        let methods = METHODS.split(' ').filter(|method| !item[method].is_null());
        operations.extend(methods.map(|method| (method, path)));
    }
    Ok(operations)
}

pub fn facts(root: &Value, operations: &[(&str, &str)]) -> Result<Facts> {
    let (facts, here, open, size) = Default::default();
    let mut table = Table {
        root,
        facts,
        here,
        open,
        size,
    };
    for (method, path) in operations {
        let place = format!("{} {path}", method.to_uppercase());
        let read = table.inside(&place, |table| table.operation(method, path));
        read.map_err(|e| format!("{:.300}: {e}", table.here))?;
    }
    Ok(table.facts)
}

impl<'a> Table<'a> {
    fn operation(&mut self, method: &str, path: &str) -> Result<()> {
        fields(&self.root["paths"])?;
        let item = resolve(self.root, &self.root["paths"][path])?;
        let operation = resolve(self.root, &item[method])?;
        if operation.is_null() {
            return Ok(());
        }
        self.add("presence", ["available"])?;
        let deprecated = operation["deprecated"] == true;
        self.add("deprecated", deprecated.then_some("true"))?;
        let owners = [operation, item, self.root];
        let servers = list(first(owners, "servers"))?.iter();
        let urls = servers.map(|server| literal(&server["url"]));
        let urls = urls.map(|url| url.trim_end_matches('/').to_owned());
        self.add("servers", urls)?;
        let security = first(owners, "security");
        self.inside(" · security", |table| table.security(security))?;
        for owner in [item, operation] {
            for parameter in list(&owner["parameters"])? {
                self.parameter(resolve(self.root, parameter)?)?;
            }
        }
        self.inside(" · request", |table| table.body(&operation["requestBody"]))?;
        for (status, response) in fields(&operation["responses"])? {
            // Error responses are not compared, because the crate handles all of them in the same way.
            if status.starts_with(['2', '3']) {
                self.inside(&format!(" · {status}"), |table| table.body(response))?;
            }
        }
        Ok(())
    }

    fn security(&mut self, alternatives: &'a Value) -> Result<()> {
        let alternatives = list(alternatives)?;
        if alternatives.is_empty() || alternatives.contains(&json!({})) {
            return Ok(());
        }
        let (mut schemes, mut scopes, mut urls) = (Vec::new(), Vec::new(), Vec::new());
        for alternative in alternatives {
            let mut together = Vec::new();
            for (name, needed) in fields(alternative)? {
                let reference = format!("#/components/securitySchemes/{name}");
                let scheme = resolve(self.root, target(self.root, &reference)?)?;
                let words = ["type", "in", "name", "scheme"].map(|key| scheme[key].as_str());
                let words = Vec::from_iter(words.into_iter().flatten());
                together.push(words.join(" ").to_lowercase());
                scopes.extend(list(needed)?.iter().map(literal));
                for (flow, settings) in fields(&scheme["flows"])? {
                    let url = settings["tokenUrl"].as_str();
                    urls.extend(url.map(|url| format!("{flow} {}", path(url))));
                }
            }
            schemes.push(together.join(" with "));
        }
        self.add("presence", ["required"])?;
        self.add("schemes", schemes)?;
        self.add("scopes", scopes)?;
        self.add("tokenUrl", urls)
    }

    fn parameter(&mut self, parameter: &'a Value) -> Result<()> {
        let (location, name) = (text(&parameter["in"])?, text(&parameter["name"])?);
        self.inside(&format!(" · {location} · {name}"), |table| {
            table.add("presence", [presence(parameter["required"] == true)])?;
            table.schema(vec![&parameter["schema"]])
        })
    }

    fn body(&mut self, body: &'a Value) -> Result<()> {
        let body = resolve(self.root, body)?;
        if body.is_null() {
            return Ok(());
        }
        let presence = match part(&self.here) {
            "response" => "described",
            _ => presence(body["required"] == true),
        };
        self.add("presence", [presence])?;
        let content = fields(&body["content"])?.into_iter();
        self.add("content", content.map(|(media, _)| media))?;
        self.schema(vec![&body["content"]["application/json"]["schema"]])
    }
}

pub fn presence(is_required: bool) -> &'static str {
    if is_required { "required" } else { "optional" }
}

/// Returns the value of `key` from the first object that contains this key.
fn first<'a>(owners: [&'a Value; 3], key: &str) -> &'a Value {
    let mut fields = owners.into_iter().map(|owner| &owner[key]);
    fields
        .find(|field| !field.is_null())
        .unwrap_or(&Value::Null)
}

/// Returns the path of a token URL. The host is ignored, because the crate always requests tokens from the API host.
fn path(url: &str) -> &str {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or(rest, |start| &rest[start..])
}
