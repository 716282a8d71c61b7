//! Tests how possible changes by the vendor affect the generated code. Each change edits only the spec.
//! `build_script.rs` builds a copy of the crate with all these changes.

use crate::edits::{self, CAP, Change, LOWERED, SPEC, everything};
use crate::generator::schema::json_schema;
use crate::golden::diff;
use serde_json::Value;
use std::collections::BTreeSet;

fn effect(change: Change) -> String {
    diff(
        &everything(SPEC).unwrap(),
        &everything(&change.of(SPEC)).unwrap(),
    )
}

#[test]
fn an_added_field_is_an_optional_field_and_a_property() {
    let expected = r#"
+        #[serde(
+            rename = "rehearsedOn",
+            skip_serializing_if = "::std::option::Option::is_none"
+        )]
+        pub rehearsed_on: ::std::option::Option<::std::string::String>,
+    "rehearsedOn": {
+      "format": "date",
+      "type": "string"
+    },
"#;
    assert_eq!(effect(Change::FieldAdded), expected.trim_start());
}

#[test]
fn an_added_status_is_a_variant_and_a_value() {
    let expected = r#"
+        Rehearsed = "rehearsed",
-        "completed"
+        "completed",
+        "rehearsed"
"#;
    assert_eq!(effect(Change::StatusAdded), expected.trim_start());
}

#[test]
fn a_lowered_limit_is_a_constant_its_documentation_and_a_limit_of_the_schema() {
    let expected = format!(
        r#"
-/// Most user ids in one request: {CAP}.
-pub const MAX_USERS_PER_REQUEST: usize = {CAP};
+/// Most user ids in one request: {LOWERED}.
+pub const MAX_USERS_PER_REQUEST: usize = {LOWERED};
-      "maxItems": {CAP},
+      "maxItems": {LOWERED},
"#
    );
    assert_eq!(effect(Change::CapLowered), expected.trim_start());
}

#[test]
fn an_added_endpoint_is_a_method_a_mock_and_its_types() {
    let effect = effect(Change::EndpointAdded);
    let lines: Vec<_> = effect
        .lines()
        .filter_map(|line| line.strip_prefix('+'))
        .collect();
    assert_eq!(lines.len(), effect.lines().count(), "{effect}");
    for added in [
        "pub async fn get_rehearsal<'a>(",
        "expand: Option<bool>,",
        ") -> Result<ResponseValue<types::RehearsalResult>, Error<types::ErrorBody>> {",
        "fn get_rehearsal<F>(&self, config_fn: F) -> ::httpmock::Mock<'_>",
        "pub struct GetRehearsalWhen(::httpmock::When);",
        "pub struct GetRehearsalThen(::httpmock::Then);",
        "pub struct RehearsalResult {",
        "pub anything: Anything,",
        "pub id: crate::id::PackId,",
        "pub kind: RehearsalResultKind,",
        "pub owner: ::std::option::Option<RehearsalResultOwner>,",
        "pub struct Alias(pub Anything);",
        "pub struct Anything(pub ::serde_json::Value);",
        "pub struct Nothing(pub ::serde_json::Value);",
        "pub struct ConversionError(::std::borrow::Cow<'static, str>);",
        "\"rehearsal_result\": types::RehearsalResult = r##\"{",
        "\"Alias\": types::Alias = r##\"{",
        "\"Anything\": types::Anything = r##\"{",
        "\"Nothing\": types::Nothing = r##\"{}\"##;",
    ] {
        let found = lines.iter().any(|line| line.trim() == added);
        assert!(found, "{added}\n{effect}");
    }
    // Nested types must derive `JsonSchema`, because only components get their schema directly from the spec.
    let derived = "+    #[derive(schemars::JsonSchema)]\n+    pub ";
    assert!(effect.contains(&format!("{derived}enum RehearsalResultKind {{\n")));
    assert!(effect.contains(&format!("{derived}struct RehearsalResultOwner {{\n")));
    assert_eq!(effect.matches(derived).count(), 2);
}

#[test]
fn a_removed_field_is_gone() {
    let expected = r#"
-        ///The kind of fault, for programs.
-        #[serde(rename = "type", skip_serializing_if = "::std::option::Option::is_none")]
-        pub type_: ::std::option::Option<::std::string::String>,
-      ],
-      "type": "string"
-    },
-    "type": {
-      "description": "The kind of fault, for programs.",
-      "examples": [
-        "value_error"
"#;
    assert_eq!(effect(Change::FieldRemoved), expected.trim_start());
}

/// If the spec lacks a field that `src/` uses, the build must stop with a one-line error.
#[test]
fn a_removed_field_of_src_is_an_error() {
    let status = "        status:
          description: The progress of the user.
          allOf:
            - $ref: '#/components/schemas/AssignmentStatus'
";
    let spec = edits::edited(&[
        (status, ""),
        ("required: [id, userId, status, ", "required: [id, userId, "),
    ]);
    assert_eq!(
        everything(&spec).unwrap_err(),
        "spec/onboarding.yaml: components.schemas.Assignment.properties.status: expected AssignmentStatus, required \
         (src/ relies on it), found nothing"
    );
}

#[test]
fn all_changes_together_have_the_effect_of_each() {
    let lines = |effect: &str| {
        let lines = effect.lines().map(str::to_owned);
        lines.collect::<BTreeSet<_>>()
    };
    let spec = SPEC.to_owned();
    let all = Change::ALL
        .iter()
        .fold(spec, |spec, change| change.of(&spec));
    let code = everything(&all).unwrap();
    let together = lines(&diff(&everything(SPEC).unwrap(), &code));
    let each = Change::ALL.into_iter().map(effect).collect::<String>();
    assert_eq!(together, lines(&each));
}

#[test]
fn every_component_has_its_own_json_schema() {
    let all = Change::ALL
        .iter()
        .fold(SPEC.to_owned(), |spec, change| change.of(&spec));
    for spec in [SPEC, &all] {
        let code = everything(spec).unwrap();
        let spec: Value = yaml_serde::from_str(spec).unwrap();
        let components = spec["components"]["schemas"].as_object().unwrap();
        assert_eq!(code.matches("r##\"{").count(), components.len());
        for (name, schema) in components {
            let (_, row) = code.split_once(&format!("    {name:?}: ")).unwrap();
            let text = row.split("##").nth(1).unwrap().trim_matches('"');
            let own: Value = serde_json::from_str(text).unwrap();
            assert_eq!(own, json_schema(schema), "{name}");
        }
    }
}

/// The README is written by hand, so it could state a wrong maximum number of users per request.
#[test]
fn the_readme_states_the_limit() {
    let readme = include_str!("../../README.md").to_lowercase();
    let mut stated = 0;
    for before in ["up to ", "at most "] {
        for rest in readme.split(before).skip(1) {
            let number: String = rest
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == ',')
                .collect();
            let Ok(number) = number.trim_end_matches(',').parse::<usize>() else {
                continue;
            };
            assert_eq!(
                number, CAP,
                "README.md: `{before}{number}` is not the maxItems of the spec"
            );
            stated += 1;
        }
    }
    assert!(stated >= 4, "README.md states the limit {stated} times");
}
