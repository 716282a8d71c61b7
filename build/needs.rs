//! Does the generated code have what `src/` uses? A change of the spec that takes it away is then
//! told in the spec's words, before the compiler stumbles over it.

use syn::{Fields, FnArg, Item, ReturnType, Type};

/// The fields that `src/` reads or writes: component, field, type.
const FIELDS: [(&str, &str, &str); 13] = [
    ("Assignment", "id", "AssignmentId"),
    ("Assignment", "userId", "UserId"),
    ("Assignment", "status", "AssignmentStatus"),
    ("Assignment", "isWaitingApproval", "bool"),
    ("PackAssignments", "assignments", "Vec<Assignment>"),
    ("PackAssignmentsResponse", "data", "PackAssignments"),
    ("AssignUsersRequest", "userIds", "Vec<UserId>"),
    ("ErrorBody", "detail", "Option<ErrorDetail>"),
    ("ErrorBody", "error", "Option<Value>"),
    ("ErrorBody", "path", "Option<Value>"),
    ("ErrorBody", "request_id", "Option<Value>"),
    ("ErrorItem", "loc", "Vec<ErrorLocation>"),
    ("ErrorItem", "msg", "Option<String>"),
];

/// The variants that `src/` reads: component, title, type.
const VARIANTS: [(&str, &str, &str); 5] = [
    ("ErrorDetail", "Message", "String"),
    ("ErrorDetail", "Items", "Vec<ErrorItem>"),
    ("ErrorDetail", "Other", "Value"),
    ("ErrorLocation", "Name", "String"),
    ("ErrorLocation", "Index", "i64"),
];

/// The operations that `src/` calls: method in Rust, arguments, answer.
const OPERATIONS: [(&str, &str, &str); 2] = [
    (
        "get_pack_assignments",
        "pack_id: &PackId",
        "Result<ResponseValue<types::PackAssignmentsResponse>, Error<types::ErrorBody>>",
    ),
    (
        "assign_users_to_pack",
        "pack_id: &PackId, body: &types::AssignUsersRequest",
        "Result<ResponseValue<types::AssignUsersResponse>, Error<types::ErrorBody>>",
    ),
];

/// Refuses code that lacks something `src/` uses.
pub fn check(file: &syn::File) -> Result<(), String> {
    let types = super::finish::types(file);
    for (component, field, expected) in FIELDS {
        let found = types.iter().find_map(|item| match item {
            Item::Struct(of) if of.ident == component => {
                of.fields.iter().find(|f| wire_name(f) == field)
            }
            _ => None,
        });
        let found = found.map(|field| plain(&field.ty));
        if found.as_deref() != Some(expected) {
            return Err(format!(
                "components.schemas.{component}.properties.{field}: expected a field of type `{expected}`, which \
                 src/ uses{}, found {}",
                if expected.starts_with("Option") {
                    ""
                } else {
                    " (so it is `required`, too)"
                },
                found.map_or("nothing".to_owned(), |found| format!("`{found}`"))
            ));
        }
    }
    for (component, variant, expected) in VARIANTS {
        let found = types.iter().find_map(|item| match item {
            Item::Enum(of) if of.ident == component => {
                of.variants.iter().find(|v| v.ident == variant)
            }
            _ => None,
        });
        let found = found.and_then(|variant| match &variant.fields {
            Fields::Unnamed(fields) => fields.unnamed.first().map(|field| plain(&field.ty)),
            _ => None,
        });
        if found.as_deref() != Some(expected) {
            return Err(format!(
                "components.schemas.{component}: expected a part with `title: {variant}` of type `{expected}`, which \
                 src/ uses, found {}",
                found.map_or("nothing".to_owned(), |found| format!("`{found}`"))
            ));
        }
    }
    OPERATIONS
        .iter()
        .try_for_each(|operation| check_operation(file, operation))
}

fn check_operation(
    file: &syn::File,
    (name, arguments, answer): &(&str, &str, &str),
) -> Result<(), String> {
    let function =
        super::finish::client_functions(file).find(|function| function.sig.ident == name);
    let Some(function) = function else {
        return Err(format!(
            "paths: expected the operation that makes `{name}`, found nothing"
        ));
    };
    let found: Vec<String> = function
        .sig
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                syn::Pat::Ident(name) => Some(format!("{}: {}", name.ident, plain(&typed.ty))),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })
        .collect();
    let found_answer = match &function.sig.output {
        ReturnType::Type(_, of) => plain(of),
        ReturnType::Default => String::new(),
    };
    for (what, found, expected) in [
        ("arguments", found.join(", "), arguments),
        ("answer", found_answer, answer),
    ] {
        if found != *expected {
            return Err(format!(
                "paths: expected an operation `{name}` with the {what} `{expected}`, which src/ calls, found `{found}`"
            ));
        }
    }
    Ok(())
}

/// The name of a field in JSON.
fn wire_name(field: &syn::Field) -> String {
    let mut name = field
        .ident
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        // Keys of other kinds end the reading; the generator writes `rename` first.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                name = meta.value()?.parse::<syn::LitStr>()?.value();
            }
            Ok(())
        });
    }
    name
}

/// A type as people write it.
fn plain(of: &Type) -> String {
    let text = super::finish::printed(vec![syn::parse_quote!(type T = #of;)]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = text
        .trim_start_matches("type T = ")
        .trim_end_matches(';')
        .to_owned();
    for noise in [
        "::std::string::",
        "::std::vec::",
        "::std::option::",
        "::serde_json::",
        "crate::id::",
        "crate::api::",
        "'a ",
    ] {
        text = text.replace(noise, "");
    }
    // A long type is broken over lines.
    text.replace("< ", "<")
        .replace(", >", ">")
        .replace(" >", ">")
}
