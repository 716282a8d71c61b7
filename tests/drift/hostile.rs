//! Tests `drift` with documents that are random, huge, deeply nested or broken.

use crate::document::{VENDOR, compare, run};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn vendor() -> Value {
    serde_json::from_str(VENDOR).expect("JSON")
}

const KEYS: &str = "$ref allOf anyOf properties items required type enum const schema in name content \
    application/json maxItems exclusiveMinimum 200 openapi paths flows tokenUrl url · .";
const WORDS: &str = "#/paths #/components/schemas/PackAssignment # object null 3.1.0 3 users";

fn one_of(words: &'static str) -> impl Strategy<Value = String> {
    prop::sample::select(words.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned)
}

/// Generates random JSON values that often contain OpenAPI keywords and references.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![one_of(WORDS), ".{0,6}"].prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let key = prop_oneof![one_of(KEYS), ".{0,4}"];
        let fields = prop::collection::btree_map(key, inner.clone(), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            fields.prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

/// Returns JSON pointers to all values that a test may replace.
fn places(document: &Value) -> Vec<String> {
    let mut places = Vec::new();
    let mut queue = vec![(String::new(), document)];
    while let Some((pointer, value)) = queue.pop() {
        let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
        let fields = value.as_object().into_iter().flatten();
        queue.extend(fields.map(|(name, value)| (format!("{pointer}/{}", escape(name)), value)));
        let items = value.as_array().into_iter().flatten().enumerate();
        queue.extend(items.map(|(index, value)| (format!("{pointer}/{index}"), value)));
        places.push(pointer);
    }
    places.retain(|place| {
        !place.contains("user") && !place.contains("Pack_") && !place.contains("/info")
    });
    places
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_document_is_compared_or_refused(mut document in any_json()) {
        compare(&document);
        if document.is_object() {
            document["openapi"] = json!("3.1.0");
            compare(&document);
        }
    }

    #[test]
    fn any_value_at_any_place_is_compared_or_refused(at in any::<prop::sample::Index>(), value in any_json()) {
        let mut document = vendor();
        let places = places(&document);
        let place: &String = at.get(&places);
        *document.pointer_mut(place).expect("a place") = value;
        compare(&document);
    }
}

/// Replaces one schema in the vendor's document with a chain of `length` schemas. Each schema in the chain refers to
/// the next schema.
fn chain(length: usize, schema: impl Fn(Value) -> Value) -> Value {
    let mut document = vendor();
    let schemas = &mut document["components"]["schemas"];
    let reference = |number| json!({"$ref": format!("#/components/schemas/S{number}")});
    schemas["PackAssignment"] = reference(0);
    for number in 0..length {
        schemas[format!("S{number}")] = schema(reference(number + 1));
    }
    schemas[format!("S{length}")] = json!({"type": "object"});
    document
}

#[test]
fn small_documents_that_describe_huge_ones_are_refused() {
    let twice = |next| json!({"type": "object", "properties": {"a": next, "b": next}});
    let deep = |next| json!({"properties": {"a": next}});
    let lists = |next| json!({"items": next});
    for (document, words) in [
        (chain(12, twice), "too large to compare"),
        (chain(40, twice), "too large to compare"),
        (chain(10_000, deep), "too deep to compare"),
        (chain(10_000, lists), "too deep to compare"),
    ] {
        let (status, text) = compare(&document);
        assert!(status == 1 && text.contains(words), "{status}: {text}");
    }
}

#[test]
fn each_schema_of_a_value_is_read_once() {
    assert_eq!(
        compare(&chain(40, |next| json!({"allOf": [next, next]}))).0,
        3
    );
    assert_eq!(
        compare(&chain(40, |next| json!({"anyOf": [next, next]}))).0,
        3
    );
    assert_eq!(compare(&chain(10_000, |next| next)).0, 3);
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let texts = [
        "[".repeat(1_000_000),
        "{\"a\":".repeat(100_000),
        "a: ".to_owned() + &"[".repeat(10_000),
        "- ".repeat(10_000),
        Vec::from_iter((0..2_000).map(|depth| " ".repeat(depth) + "a:\n")).concat(),
    ];
    for text in texts {
        let (status, _, error) = run(&["-"], text.as_bytes());
        assert_eq!((status, error.lines().count()), (1, 1), "{error}");
    }
}

#[test]
fn anchors_that_expand_without_end_are_refused() {
    let mut text = "openapi: 3.1.0\na0: &a0 [x, x]\n".to_owned();
    for level in 1..40 {
        text += &format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
    }
    let (status, _, error) = run(&["-"], text.as_bytes());
    assert_eq!((status, error.lines().count()), (1, 1), "{error}");
}

#[test]
fn a_document_of_ten_megabytes_is_compared() {
    let mut document = vendor();
    document["components"]["schemas"]["Huge"] = json!({"enum": vec!["x".repeat(1_000); 10_000]});
    assert_eq!(compare(&document).0, 0);
    let status = json!({"$ref": "#/components/schemas/Huge"});
    document["components"]["schemas"]["PackAssignment"]["properties"]["status"] = status;
    let (status, text) = compare(&document);
    assert!(status == 3 && text.len() < 2_000, "{status}: {text}");
}
