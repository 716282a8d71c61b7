//! A change of the specification, rehearsed: where each kind shows up, with nothing edited but the
//! specification. The same changes go through one real build in `build_script.rs`.

mod edits;
#[path = "../build/generate.rs"]
mod generate;
#[path = "surface/mod.rs"]
mod surface;

use edits::{CAP, Change, LOWERED, SPEC};
use generate::convert::convert;
use generate::{Options, generate};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use surface::{Verdict, diff, surface};

const FILE: &str = "spec/onboarding.yaml";
const EVERYTHING: Options = Options {
    mock: true,
    schemars: true,
};

/// The code for the specification as it is, and its surface, which `surface.rs` holds to be the golden file.
static PRESENT: LazyLock<(String, String)> = LazyLock::new(|| {
    let code = code(SPEC);
    let surface = surface(&code);
    (code, surface)
});

fn code(spec: &str) -> String {
    generate(FILE, spec, EVERYTHING).unwrap()
}

/// Where another specification shows up.
struct Shown {
    /// The code, for what is in neither.
    code: String,
    /// The lines of the golden file: types, constants, client, typed mock.
    surface: String,
    schemas: Vec<String>,
    verdict: Verdict,
}

fn shown(spec: &str) -> Shown {
    let (before, golden) = &*PRESENT;
    let code = code(spec);
    let (lines, verdict) = diff(golden, &surface(&code));
    Shown {
        surface: lines,
        verdict,
        schemas: schema_lines(before, &code),
        code,
    }
}

/// The change shows in these lines and in no other.
#[track_caller]
fn shows(change: Change, surface: &str, schemas: &[&str], verdict: Verdict) -> Shown {
    let shown = shown(&change.of(SPEC));
    assert_eq!(shown.surface, surface);
    assert_eq!(shown.schemas, schemas);
    assert_eq!(shown.verdict, verdict);
    shown
}

#[test]
fn a_field_added_is_a_field_of_its_type() {
    shows(
        Change::FieldAdded,
        "crate::Assignment\n+   pub rehearsed_on: Option<String>, rename = \"rehearsedOn\"\n",
        &[
            r#"+ Assignment.properties.rehearsedOn.format = "date""#,
            r#"+ Assignment.properties.rehearsedOn.type = "string""#,
        ],
        Verdict::Additive,
    );
}

/// The answers' outer types can be written as literals by whoever mocks them: a field more stops those.
#[test]
fn a_field_added_to_a_type_that_anybody_builds_is_breaking() {
    let page = "        assignments:\n          type: array";
    let spec = edits::replaced(
        SPEC,
        page,
        &format!("        nextPage: {{type: string}}\n{page}"),
    );
    let shown = shown(&spec);
    let expected = "crate::api::types::PackAssignments\n+   pub next_page: Option<String>, rename = \"nextPage\"\n";
    assert_eq!(
        (shown.surface.as_str(), shown.verdict),
        (expected, Verdict::Breaking)
    );
}

#[test]
fn a_status_added_is_a_variant() {
    let shown = shows(
        Change::StatusAdded,
        "crate::AssignmentStatus\n+   Rehearsed\n",
        &[r#"+ AssignmentStatus.anyOf.0.enum = "rehearsed""#],
        Verdict::Additive,
    );
    for arm in [
        r#""rehearsed" => Self::Rehearsed"#,
        r#"Self::Rehearsed => "rehearsed""#,
    ] {
        assert!(shown.code.contains(arm), "{arm}");
    }
}

#[test]
fn a_cap_lowered_is_a_constant_and_a_limit_of_the_schema() {
    let cap = "pub const MAX_USERS_PER_REQUEST: usize =";
    let shown = shows(
        Change::CapLowered,
        &format!("crate::MAX_USERS_PER_REQUEST\n- {cap} {CAP}\n+ {cap} {LOWERED}\n"),
        &[
            &format!("+ AssignUsersRequest.properties.userIds.maxItems = {LOWERED}"),
            &format!("- AssignUsersRequest.properties.userIds.maxItems = {CAP}"),
        ],
        Verdict::Breaking,
    );
    // In the documentation, too.
    assert!(shown.code.contains(&format!("may carry: {LOWERED}.")));
    assert!(!shown.code.contains(&format!("may carry: {CAP}.")));
}

#[test]
fn an_endpoint_added_is_a_method_a_mock_and_its_types() {
    let schemas = [
        r##"+ Alias.$ref = "Anything""##,
        r#"+ Anything.description = "Anything at all.""#,
        "+ Nothing = {}",
        r##"+ rehearsal_answer.properties.alias.$ref = "Alias""##,
        r##"+ rehearsal_answer.properties.anything.$ref = "Anything""##,
        r##"+ rehearsal_answer.properties.id.$ref = "PackId""##,
        r#"+ rehearsal_answer.properties.kind.enum = "long""#,
        r#"+ rehearsal_answer.properties.kind.enum = "short""#,
        r#"+ rehearsal_answer.properties.kind.type = "string""#,
        r##"+ rehearsal_answer.properties.nothing.$ref = "Nothing""##,
        r#"+ rehearsal_answer.properties.owner.properties.name.type = "string""#,
        r#"+ rehearsal_answer.properties.owner.required = "name""#,
        r#"+ rehearsal_answer.properties.owner.type = "object""#,
        r#"+ rehearsal_answer.required = "anything""#,
        r#"+ rehearsal_answer.required = "id""#,
        r#"+ rehearsal_answer.required = "kind""#,
        r#"+ rehearsal_answer.type = "object""#,
    ];
    let shown = shows(
        Change::EndpointAdded,
        include_str!("edits/endpoint.surface"),
        &schemas,
        Verdict::Additive,
    );
    // What has no component of its own still has a schema.
    let derived = shown
        .code
        .matches("#[derive(schemars::JsonSchema)]")
        .count();
    assert_eq!(derived, 2, "the kind and the owner");
}

#[test]
fn a_field_removed_is_a_line_gone() {
    shows(
        Change::FieldRemoved,
        "crate::api::types::ErrorItem\n-   pub type_: Option<String>, rename = \"type\"\n",
        &[
            r#"- ErrorItem.properties.type.description = "The kind of fault, for programs.""#,
            r#"- ErrorItem.properties.type.examples = "value_error""#,
            r#"- ErrorItem.properties.type.type = "string""#,
        ],
        Verdict::Breaking,
    );
}

/// Nothing is generated then: the build stops with this one line.
#[test]
fn a_field_removed_that_src_uses_stops_the_build() {
    let status = "        status:
          description: The progress of the user.
          allOf:
            - $ref: '#/components/schemas/AssignmentStatus'
";
    let spec = edits::replaced(SPEC, status, "");
    let spec = edits::replaced(
        &spec,
        "required: [id, userId, status, ",
        "required: [id, userId, ",
    );
    let problem = generate(FILE, &spec, EVERYTHING).unwrap_err();
    assert_eq!(
        problem,
        "spec/onboarding.yaml: components.schemas.Assignment.properties.status: expected a field of type \
         `AssignmentStatus`, which src/ uses (so it is `required`, too), found nothing"
    );
}

#[test]
fn all_at_once_are_each_of_them() {
    let all = Change::ALL
        .iter()
        .fold(SPEC.to_owned(), |spec, change| change.of(&spec));
    let (mut surface, mut schemas) = (BTreeSet::new(), BTreeSet::new());
    for change in Change::ALL {
        let one = shown(&change.of(SPEC));
        surface.extend(one.surface.lines().map(str::to_owned));
        schemas.extend(one.schemas);
    }
    let together = shown(&all);
    assert_eq!(
        together
            .surface
            .lines()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>(),
        surface
    );
    assert_eq!(BTreeSet::from_iter(together.schemas), schemas);
    // Every component has a schema, its own, without being named anywhere.
    for (spec, code) in [(SPEC, &PRESENT.0), (&all, &together.code)] {
        let spec: Value = yaml_serde::from_str(spec).unwrap();
        let components = spec["components"]["schemas"].as_object().unwrap();
        let own: BTreeMap<_, _> = components
            .iter()
            .map(|(name, of)| (name.clone(), convert(of)))
            .collect();
        assert_eq!(schemas_in(code), own);
    }
}

/// What the README says for people is held to the specification, as prose cannot follow it.
#[test]
fn the_readme_tells_the_cap() {
    let readme = include_str!("../README.md").to_lowercase();
    let mut told = 0;
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
                "README.md: `{before}{number}` is not the specification's maxItems"
            );
            told += 1;
        }
    }
    assert!(told >= 4, "README.md tells the cap {told} times");
}

/// The lines that differ between the schemas of two generated codes.
fn schema_lines(before: &str, after: &str) -> Vec<String> {
    let lines = |code: &str| {
        let mut lines = BTreeSet::new();
        schemas_in(code)
            .iter()
            .for_each(|(name, schema)| leaves(schema, name, &mut lines));
        lines
    };
    let (before, after) = (lines(before), lines(after));
    let more = after.difference(&before).map(|line| format!("+ {line}"));
    more.chain(before.difference(&after).map(|line| format!("- {line}")))
        .collect()
}

/// The schema of each component, as the generated `impl JsonSchema` holds it.
fn schemas_in(code: &str) -> BTreeMap<String, Value> {
    // Both are literals on the way: `"Name".into()`, and the first argument of `component`.
    fn literal(expression: &syn::Expr) -> Option<String> {
        match expression {
            syn::Expr::MethodCall(call) => literal(&call.receiver),
            syn::Expr::Call(call) => literal(call.args.first()?),
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        }
    }
    let returned = |block: &syn::ItemImpl, function: &str| {
        block.items.iter().find_map(|item| match item {
            syn::ImplItem::Fn(f) if f.sig.ident == function => match f.block.stmts.first()? {
                syn::Stmt::Expr(expression, _) => literal(expression),
                _ => None,
            },
            _ => None,
        })
    };
    let blocks = syn::parse_file(code)
        .unwrap()
        .items
        .into_iter()
        .filter_map(|item| match item {
            syn::Item::Impl(block) => Some(block),
            _ => None,
        });
    let pairs = blocks.filter_map(|block| {
        let schema = returned(&block, "json_schema")?;
        Some((
            returned(&block, "schema_name")?,
            serde_json::from_str(&schema).unwrap(),
        ))
    });
    pairs.collect()
}

/// A line for each value that is no object, the items of a plain list without their index.
fn leaves(value: &Value, path: &str, lines: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            object
                .iter()
                .for_each(|(key, value)| leaves(value, &format!("{path}.{key}"), lines));
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                let place = if item.is_object() {
                    format!("{path}.{index}")
                } else {
                    path.to_owned()
                };
                leaves(item, &place, lines);
            }
        }
        plain => drop(lines.insert(format!("{path} = {plain}"))),
    }
}
