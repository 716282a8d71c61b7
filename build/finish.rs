//! Goes over the generated code: closes what nobody may build or implement, documents what has no text, adds
//! `JsonSchema`.

use super::{IDS, Options, STATUS, pascal, schema};
use serde_json::Value;
use syn::{Attribute, Fields, ImplItem, ImplItemFn, Item, parse_quote};

/// The items of the module `types`.
pub fn types(file: &syn::File) -> &[Item] {
    file.items
        .iter()
        .find_map(|item| module(item, "types"))
        .unwrap_or_default()
}

/// The methods of the generated client.
pub fn client_functions(file: &syn::File) -> impl Iterator<Item = &ImplItemFn> {
    let blocks = file.items.iter().filter_map(|item| match item {
        Item::Impl(block) if is_client(block) => Some(block),
        _ => None,
    });
    blocks
        .flat_map(|block| &block.items)
        .filter_map(|item| match item {
            ImplItem::Fn(function) => Some(function),
            _ => None,
        })
}

/// All the changes, in place.
pub fn finish(file: &mut syn::File, raw: &Value, options: Options) -> Result<(), String> {
    close_constructors(file);
    let components = &raw["components"]["schemas"];
    if options.schemars {
        add_schemas(file, components)?;
    }
    for item in &mut file.items {
        match item {
            Item::Mod(of) if of.ident == "types" => {
                let (_, items) = of.content.get_or_insert_default();
                drop_unused_errors(items);
                let constructor = request_constructor(items)?;
                items.push(constructor);
                for item in items {
                    document_type(item, components);
                }
            }
            Item::Mod(of) if of.ident == "mock" => {
                seal_mock(of);
                document_mock(of);
            }
            _ => {}
        }
    }
    Ok(())
}

/// These items as text.
pub fn printed(items: Vec<Item>) -> String {
    prettyplease::unparse(&syn::File {
        items,
        ..parse_quote!()
    })
}

fn module<'a>(item: &'a Item, name: &str) -> Option<&'a [Item]> {
    match item {
        Item::Mod(of) if of.ident == name => of.content.as_ref().map(|(_, items)| items.as_slice()),
        _ => None,
    }
}

fn is_client(block: &syn::ItemImpl) -> bool {
    block.trait_.is_none()
        && matches!(&*block.self_ty, syn::Type::Path(of) if of.path.is_ident("Client"))
}

/// The generated client can be built in this crate only: elsewhere nothing would sign its requests.
fn close_constructors(file: &mut syn::File) {
    for item in &mut file.items {
        let Item::Impl(block) = item else { continue };
        if !is_client(block) {
            continue;
        }
        block
            .items
            .retain(|item| !matches!(item, ImplItem::Fn(f) if f.sig.ident == "new"));
        for item in &mut block.items {
            if let ImplItem::Fn(f) = item
                && f.sig.ident == "new_with_client"
            {
                f.vis = parse_quote!(pub(crate));
            }
        }
    }
}

/// `types::error` is for conversions that this spec's types do not have.
fn drop_unused_errors(items: &mut Vec<Item>) {
    let rest = items
        .iter()
        .filter(|item| module(item, "error").is_none())
        .cloned()
        .collect();
    let text = printed(rest);
    if !text.contains("error::ConversionError") {
        items.retain(|item| module(item, "error").is_none());
    }
}

/// The request can be built without naming the fields that it may gain.
fn request_constructor(items: &[Item]) -> Result<Item, String> {
    let fields = items.iter().find_map(|item| match item {
        Item::Struct(of) if of.ident == "AssignUsersRequest" => Some(&of.fields),
        _ => None,
    });
    let mut others = Vec::new();
    for field in fields
        .into_iter()
        .flatten()
        .filter(|field| field.ident.as_ref().is_some_and(|i| i != "user_ids"))
    {
        let name = field.ident.as_ref();
        let optional = matches!(&field.ty, syn::Type::Path(of) if of.path.segments.last().is_some_and(|s| s.ident == "Option"));
        if !optional {
            return Err(format!(
                "components.schemas.AssignUsersRequest: expected `userIds` to be the one required field, as src/ \
                 sends no other, found `{}`",
                name.map(ToString::to_string).unwrap_or_default()
            ));
        }
        others.push(parse_quote!(#name: None));
    }
    let others: Vec<syn::FieldValue> = others;
    Ok(parse_quote! {
        impl AssignUsersRequest {
            /// A request to assign these users.
            #[must_use]
            pub fn new(user_ids: ::std::vec::Vec<crate::id::UserId>) -> Self {
                Self { user_ids, #(#others),* }
            }
        }
    })
}

/// Each component's type returns the component's own schema; a type made from a nested schema
/// derives its own.
fn add_schemas(file: &mut syn::File, components: &Value) -> Result<(), String> {
    let names: Vec<String> = types(file).iter().filter_map(type_name).collect();
    let rust_path = |component: &str| {
        if IDS.contains(&component) {
            Ok(format!("crate::id::{component}"))
        } else if component == STATUS {
            Ok(component.to_owned())
        } else {
            // The generator may change the case of a name, and nothing else.
            let name = names
                .iter()
                .find(|name| name.eq_ignore_ascii_case(&pascal(component)));
            name.map(|name| format!("types::{name}")).ok_or_else(|| {
                format!("components.schemas.{component}: expected a name that the generator makes a type of")
            })
        }
    };
    let mut own = Vec::new();
    for (name, component) in components.as_object().into_iter().flatten() {
        let path = rust_path(name)?;
        let code = schema::json_schema_impl(name, &path, component, &rust_path)?;
        file.items.push(
            syn::parse_str(&code)
                .map_err(|e| format!("components.schemas.{name}: {e} in {code}"))?,
        );
        own.push(path);
    }
    for item in &mut file.items {
        let Item::Mod(of) = item else { continue };
        if of.ident != "types" {
            continue;
        }
        for item in of.content.iter_mut().flat_map(|(_, items)| items) {
            let nested =
                type_name(item).is_some_and(|name| !own.contains(&format!("types::{name}")));
            if let (
                true,
                Item::Struct(syn::ItemStruct { attrs, .. })
                | Item::Enum(syn::ItemEnum { attrs, .. }),
            ) = (nested, item)
            {
                attrs.push(parse_quote!(#[derive(schemars::JsonSchema)]));
            }
        }
    }
    Ok(())
}

fn type_name(item: &Item) -> Option<String> {
    match item {
        Item::Struct(of) => Some(of.ident.to_string()),
        Item::Enum(of) => Some(of.ident.to_string()),
        _ => None,
    }
}

fn document(attributes: &mut Vec<Attribute>, text: &str) {
    if !attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("doc"))
    {
        let text = format!(" {}", text.trim());
        attributes.push(parse_quote!(#[doc = #text]));
    }
}

/// The generator keeps the descriptions of types and fields, but not those of an enum's parts.
fn document_type(item: &mut Item, components: &Value) {
    match item {
        Item::Struct(of) => {
            for field in &mut of.fields {
                if field.ident.as_ref().is_some_and(|name| name == "extra") {
                    document(&mut field.attrs, "Every other field.");
                }
            }
        }
        Item::Enum(of) => {
            let component = &components[of.ident.to_string()];
            let parts = component["anyOf"]
                .as_array()
                .or(component["oneOf"].as_array());
            for variant in &mut of.variants {
                let titled = |part: &&Value| {
                    part["title"]
                        .as_str()
                        .is_some_and(|title| variant.ident == title)
                };
                let text = parts
                    .into_iter()
                    .flatten()
                    .find(titled)
                    .and_then(|part| part["description"].as_str());
                if let (Some(text), Fields::Unnamed(_)) = (text, &variant.fields) {
                    document(&mut variant.attrs, text);
                }
            }
        }
        _ => {}
    }
}

/// Nobody outside may implement httpmock's extension: it gains a method with each operation.
fn seal_mock(of: &mut syn::ItemMod) {
    let (_, items) = of.content.get_or_insert_default();
    for item in &mut *items {
        if let Item::Trait(of) = item {
            of.colon_token = Some(parse_quote!(:));
            of.supertraits.push(parse_quote!(sealed::Sealed));
        }
    }
    items.push(parse_quote! {
        mod sealed {
            pub trait Sealed {}
            impl Sealed for ::httpmock::MockServer {}
        }
    });
}

/// httpmock's extension comes without a word.
fn document_mock(of: &mut syn::ItemMod) {
    for item in of.content.iter_mut().flat_map(|(_, items)| items) {
        match item {
            Item::Mod(operations) => document_mock(operations),
            Item::Struct(of) => {
                let name = of.ident.to_string();
                let what = if name.ends_with("When") {
                    "Which requests"
                } else {
                    "The answer"
                };
                document(&mut of.attrs, &format!("{what} of this operation."));
            }
            Item::Trait(of) => {
                for item in &mut of.items {
                    if let syn::TraitItem::Fn(f) = item {
                        document(
                            &mut f.attrs,
                            "Adds a mock of this operation; the function sets up both sides.",
                        );
                    }
                }
            }
            Item::Impl(block) if block.trait_.is_none() => {
                for item in &mut block.items {
                    if let ImplItem::Fn(f) = item {
                        let text = match f.sig.ident.to_string().as_str() {
                            "new" => "Starts from httpmock's own.",
                            "into_inner" => "httpmock's own, to go beyond the spec.",
                            "client_error" => {
                                "Answers with this status, from 400 to 499, and body."
                            }
                            "server_error" => {
                                "Answers with this status, from 500 to 599, and body."
                            }
                            "body" => "Only requests with this body.",
                            "ok" => "Answers with 200 and this body.",
                            _ => "Only with this value.",
                        };
                        document(&mut f.attrs, text);
                    }
                }
            }
            _ => {}
        }
    }
}
