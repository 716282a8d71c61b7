//! Generates constants from the spec, and the input of the macros in `src/api/` that define enums.

use super::STATUS;
use super::document::{Document, child};
use heck::{ToShoutySnakeCase, ToUpperCamelCase};
use std::fmt::Write as _;

const FIELD: &str = "/components/schemas/AssignUsersRequest/required/0";
const KEY: &str = "/components/securitySchemes/apiKey/name";
const MOST: &str = "/components/schemas/AssignUsersRequest/properties/userIds/maxItems";
const FLOW: &str = "/components/securitySchemes/oauth/flows/clientCredentials";

/// `path` is the URL path that the read and assign operations share.
pub fn code(document: &Document, path: &str) -> Result<String, String> {
    let item = child("/paths", path);
    let text = |name: &str, value: &str| format!("pub const {name}: &str = {value:?};\n");
    let (max_items, scopes) = (max_items(document)?, scopes(document)?);
    let mut code = format!(
        "/// Most user ids in one request: {max_items}.\n\
         pub const MAX_USERS_PER_REQUEST: usize = {max_items};\n\
         /// OAuth 2.0 scopes of the API.\n\
         pub const SCOPES: &[&str] = &{scopes:?};\n"
    );
    code += "/// OAuth 2.0 scope that reads assignments.\n";
    code += &text("READ_SCOPE", scope(document, &item, "get", &scopes)?);
    code += "/// OAuth 2.0 scope that assigns users.\n";
    code += &text("WRITE_SCOPE", scope(document, &item, "post", &scopes)?);
    code += "/// Path of the OAuth 2.0 token endpoint, on the host of the API.\n";
    code += &text("TOKEN_PATH", token_path(document)?);
    code += "/// Request header that carries an API key.\n";
    code += &text("API_KEY_HEADER", document.text(KEY, "a header")?);
    code += "/// Path of a pack's assignments. `{packId}` stands for the pack.\n";
    code += &text("ASSIGNMENTS_PATH", path);
    code += "/// Field of a request that holds the user ids.\n";
    code += &text("USER_IDS_FIELD", document.text(FIELD, "a field")?);
    for (component, header) in rate_limit_headers(document, &item)? {
        code += &text(
            &format!("{}_HEADER", component.to_shouty_snake_case()),
            &header,
        );
    }
    Ok(code + &regions(document)? + &statuses(document)?)
}

fn max_items(document: &Document) -> Result<u64, String> {
    let most = document.get(MOST).as_u64().filter(|most| *most > 0);
    most.ok_or_else(|| document.error(MOST, "an integer of at least 1"))
}

fn scopes(document: &Document) -> Result<Vec<&str>, String> {
    let pointer = format!("{FLOW}/scopes");
    let found = document.get(&pointer).as_object();
    let found = found.filter(|scopes| !scopes.is_empty());
    let found = found.ok_or_else(|| document.error(&pointer, "the scopes of the operations"))?;
    Ok(found.keys().map(String::as_str).collect())
}

fn scope<'a>(
    document: &'a Document,
    item: &str,
    method: &str,
    scopes: &[&str],
) -> Result<&'a str, String> {
    let pointer = format!("{item}/{method}/security");
    let alternatives = document.get(&pointer).as_array().into_iter().flatten();
    let mut found = alternatives.filter_map(|alternative| alternative["oauth"][0].as_str());
    let found = found.find(|scope| scopes.contains(scope));
    found.ok_or_else(|| {
        let expected = format!("`oauth` with a scope of {}.scopes", document.place(FLOW));
        document.error(&pointer, &expected)
    })
}

fn token_path(document: &Document) -> Result<&str, String> {
    let pointer = format!("{FLOW}/tokenUrl");
    let url = document.get(&pointer).as_str().unwrap_or_default();
    let host_and_path = url.strip_prefix("https://").unwrap_or_default();
    let path = host_and_path.find('/').map(|at| &host_and_path[at..]);
    path.filter(|path| path.len() > 1)
        .ok_or_else(|| document.error(&pointer, "https:// with a path"))
}

/// Returns the entries of `components.headers` that describe rate limits, each with the name of the response header.
fn rate_limit_headers(document: &Document, item: &str) -> Result<Vec<(String, String)>, String> {
    let pointer = format!("{item}/get/responses/200/headers");
    let windows = ["Minute", "Day"].into_iter();
    let components =
        windows.flat_map(|of| ["Limit", "Remaining", "Reset"].map(|what| of.to_owned() + what));
    let header = |component: String| {
        let target = format!("#/components/headers/{component}");
        let mut all = document.get(&pointer).as_object().into_iter().flatten();
        let found = all.find(|(_, header)| header["$ref"] == target.as_str());
        let found = found.map(|(name, _)| (component, name.to_lowercase()));
        found.ok_or_else(|| document.error(&pointer, &format!("a header with `$ref: {target}`")))
    };
    components.map(header).collect()
}

fn regions(document: &Document) -> Result<String, String> {
    let servers = document.entries("/servers");
    if servers.is_empty() {
        return Err(document.error("/servers", "one server per region, the default first"));
    }
    let (mut code, mut taken) = (String::new(), Vec::new());
    for server in servers {
        let (pointer, at) = (format!("{server}/x-region"), format!("{server}/url"));
        let name = document.text(&pointer, "the name of the region")?;
        take(name, &mut taken).map_err(|expected| document.error(&pointer, &expected))?;
        let url = document.text(&at, "a URL")?;
        if !url.starts_with("https://") || url.ends_with('/') || url.contains('{') {
            return Err(document.error(&at, "https:// and no slash at the end"));
        }
        let text = document.text(&format!("{server}/description"), "its accounts")?;
        let _ = writeln!(code, "{}    {name} = {url:?},", doc(text));
    }
    Ok(format!("crate::api::regions! {{\n{code}}}\n"))
}

fn statuses(document: &Document) -> Result<String, String> {
    let schema = format!("/components/schemas/{STATUS}");
    let known = format!("{schema}/anyOf/0/enum");
    let values = document.entries(&known);
    if values.is_empty() {
        return Err(document.error(&known, "the known values"));
    }
    let text = document.text(&format!("{schema}/description"), "a description")?;
    let (mut code, mut taken) = (doc(text), vec!["Other".to_owned()]);
    let _ = writeln!(code, "    {STATUS} {{");
    for pointer in values {
        let value = document.text(&pointer, "a known value")?;
        let name = value.to_upper_camel_case();
        take(&name, &mut taken).map_err(|expected| document.error(&pointer, &expected))?;
        let _ = writeln!(code, "        {name} = {value:?},");
    }
    Ok(format!("crate::api::open_enum! {{\n{code}    }}\n}}\n"))
}

/// Reserves a name for a variant of an enum.
fn take(name: &str, taken: &mut Vec<String>) -> Result<(), String> {
    // `Self` is the only Rust keyword that starts with an uppercase letter.
    let is_variant = name != "Self"
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_variant || taken.iter().any(|other| other == name) {
        return Err(format!(
            "a name for a Rust variant, other than {}",
            taken.join(", ")
        ));
    }
    taken.push(name.to_owned());
    Ok(())
}

fn doc(text: &str) -> String {
    let lines = text.trim().lines();
    lines.map(|line| format!("    /// {line}\n")).collect()
}
