//! Parses the spec and looks up values in the spec. Checks the version, the references and the response types.

use openapiv3::{Info, OpenAPI, Operation, PathItem, ReferenceOr, Schema, SecurityScheme, Server};
use serde::de::DeserializeOwned;
use serde_json::Value;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// The maximum length of a value in an error message, in characters. A longer value is truncated.
const LONGEST_VALUE: usize = 80;

/// An OpenAPI 3.0 document whose references are all valid.
pub struct Document(Value);

impl Document {
    pub fn read(text: &str) -> Result<Self, String> {
        // The text is parsed as a YAML value before it becomes JSON, because the YAML parser rejects duplicate keys.
        let yaml: yaml_serde::Value =
            yaml_serde::from_str(text).map_err(|e| format!("expected YAML: {e}"))?;
        let json = serde_json::to_value(yaml).map_err(|e| format!("expected text as keys: {e}"))?;
        let document = Self(json);
        let version = document.get("/openapi").as_str().unwrap_or_default();
        if !version.starts_with("3.0.") {
            return Err(document.error("/openapi", "3.0.x, which the generator reads"));
        }
        document.check_references("", &document.0)?;
        for operation in document.operations() {
            document.check_responses(&format!("{operation}/responses"))?;
        }
        Ok(document)
    }

    /// Returns the value at a JSON pointer, or null.
    pub fn get(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Returns an error if the text is missing or empty.
    pub fn text(&self, pointer: &str, expected: &str) -> Result<&str, String> {
        let text = self.get(pointer).as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| self.error(pointer, expected))
    }

    pub fn error(&self, pointer: &str, expected: &str) -> String {
        let found = shown(self.get(pointer));
        format!(
            "{}: expected {expected}, found {found}",
            self.place(pointer)
        )
    }

    /// Returns a JSON pointer as a path for error messages, for example `servers[0].url`.
    pub fn place(&self, pointer: &str) -> String {
        let (mut place, mut parent) = (String::new(), String::new());
        for key in pointer.split('/').skip(1) {
            let name = key.replace("~1", "/").replace("~0", "~");
            place += &match self.get(&parent) {
                _ if place.is_empty() => name,
                Value::Array(_) => format!("[{name}]"),
                _ => format!(".{name}"),
            };
            parent = format!("{parent}/{key}");
        }
        place
    }

    /// Returns JSON pointers to the entries of an object or an array.
    pub fn entries(&self, pointer: &str) -> Vec<String> {
        keys(self.get(pointer))
            .iter()
            .map(|key| child(pointer, key))
            .collect()
    }

    pub fn operations(&self) -> Vec<String> {
        let entries = self.entries("/paths").into_iter();
        entries
            .flat_map(|path| METHODS.map(|method| child(&path, method)))
            .filter(|operation| !self.get(operation).is_null())
            .collect()
    }

    /// Converts each part of the spec separately first, so that an error names the invalid part.
    pub fn typed(&self) -> Result<OpenAPI, String> {
        self.part::<Info>("/info")?;
        for server in self.entries("/servers") {
            self.part::<Server>(&server)?;
        }
        for schema in self.entries("/components/schemas") {
            self.part::<ReferenceOr<Schema>>(&schema)?;
        }
        for scheme in self.entries("/components/securitySchemes") {
            self.part::<ReferenceOr<SecurityScheme>>(&scheme)?;
        }
        for operation in self.operations() {
            self.part::<Operation>(&operation)?;
        }
        for path in self.entries("/paths") {
            self.part::<ReferenceOr<PathItem>>(&path)?;
        }
        self.part("")
    }

    pub fn edited(&self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut json = self.0.clone();
        edit(&mut json);
        Self(json)
    }

    fn part<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, String> {
        // The types of `openapiv3` are deserialized only from JSON. Support for a second format would nearly double the
        // code that users compile.
        serde_json::from_value(self.get(pointer).clone()).map_err(|e| {
            format!(
                "{}: expected an OpenAPI 3.0 document: {e}",
                self.place(pointer)
            )
        })
    }

    fn check_references(&self, pointer: &str, value: &Value) -> Result<(), String> {
        for key in keys(value) {
            let (pointer, value) = (child(pointer, &key), self.get(&child(pointer, &key)));
            match value {
                Value::String(target) if key == "$ref" && !self.has(target) => {
                    return Err(self.error(&pointer, "a place in this file"));
                }
                _ => self.check_references(&pointer, value)?,
            }
        }
        Ok(())
    }

    fn has(&self, target: &str) -> bool {
        let pointer = target.strip_prefix('#');
        pointer.is_some_and(|pointer| self.0.pointer(pointer).is_some())
    }

    /// Checks that an operation has one type of success body and one type of error body. The generator panics if an
    /// operation has more types.
    fn check_responses(&self, responses: &str) -> Result<(), String> {
        let (mut success, mut error) = (None, None);
        for code in keys(self.get(responses)) {
            let pointer = child(responses, &code);
            let (kind, first) = match code.as_bytes().first() {
                Some(b'2') => ("success", &mut success),
                Some(b'4' | b'5') => ("error", &mut error),
                _ => {
                    let expected = "a status of the kinds 2, 4 and 5, such as 200, `4XX` and `5XX`";
                    return Err(self.error(&pointer, expected));
                }
            };
            let response = self.get(&pointer);
            let target = response["$ref"]
                .as_str()
                .and_then(|to| to.strip_prefix('#'));
            let response = target.map_or(response, |target| self.get(target));
            let body = &response["content"]["application/json"]["schema"];
            if *first.get_or_insert(body) != body {
                let expected = format!("the body of the others, as there is one type of {kind}");
                return Err(self.error(&pointer, &expected));
            }
        }
        match success {
            Some(_) => Ok(()),
            None => Err(self.error(responses, "a success such as 200")),
        }
    }
}

pub fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    }
}

pub fn shown(value: &Value) -> String {
    if value.is_null() {
        return "nothing".to_owned();
    }
    let mut text = value.to_string();
    if let Some((end, _)) = text.char_indices().nth(LONGEST_VALUE) {
        text.truncate(end);
        text.push('…');
    }
    text
}
