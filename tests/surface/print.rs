//! Writes what is reachable from outside, a block for each item, sorted by path.

use super::model::{Crate, Place, Target, attributes, imports, name};
use std::collections::{BTreeMap, VecDeque};
use syn::{Attribute, Fields, Item, Meta, Type, Visibility, parse_quote};

const HEAD: &str = "# The public surface: written by `UPDATE_SURFACE=1 cargo test --all-features --test surface`.\n";

/// The whole surface as text.
pub fn surface(of: &Crate) -> String {
    let mut blocks: BTreeMap<String, String> = BTreeMap::new();
    let mut shown: BTreeMap<(Place, String), String> = BTreeMap::new();
    let mut visited = Vec::new();
    // Breadth first: an item is written out where its path is shortest.
    let mut modules = VecDeque::from([(Place::new(), "crate".to_owned())]);
    while let Some((place, path)) = modules.pop_front() {
        if visited.contains(&path) {
            continue;
        }
        visited.push(path.clone());
        let mut show =
            |blocks: &mut BTreeMap<String, String>, at: &Place, name: &str, alias: &str| {
                let here = format!("{path}::{alias}");
                let first = shown
                    .entry((at.clone(), name.to_owned()))
                    .or_insert_with(|| here.clone());
                let block = if *first == here {
                    block(of, at, name)
                } else {
                    format!("  = {first}\n")
                };
                blocks.insert(here, block);
            };
        for item in of.modules.get(&place).into_iter().flatten() {
            if let Item::Mod(child) = item
                && is_public(&child.vis)
            {
                let name = child.ident.to_string();
                let below: Place = place.iter().cloned().chain([name.clone()]).collect();
                modules.push_back((below, format!("{path}::{name}")));
            }
            if let Item::Use(import) = item
                && is_public(&import.vis)
            {
                for (alias, target) in imports(item).into_iter().flatten() {
                    match of.resolve(&place, &target) {
                        Target::Item(at, name) => show(&mut blocks, &at, &name, &alias),
                        Target::Module(at) if alias == "*" => {
                            let public = of.modules[&at]
                                .iter()
                                .filter(|item| is_public(visibility(item)));
                            public
                                .filter_map(name)
                                .for_each(|name| show(&mut blocks, &at, &name, &name));
                        }
                        Target::Module(at) => modules.push_back((at, format!("{path}::{alias}"))),
                        Target::Elsewhere(text) => {
                            blocks
                                .insert(format!("{path}::{alias}"), format!("  pub use {text}\n"));
                        }
                    }
                }
            }
            if let Some(name) = name(item).filter(|_| is_public(visibility(item))) {
                show(&mut blocks, &place, &name, &name);
            }
        }
    }
    blocks
        .into_iter()
        .fold(HEAD.to_owned(), |text, (path, block)| {
            text + "\n" + &path + "\n" + &block
        })
}

fn visibility(item: &Item) -> &Visibility {
    match item {
        Item::Struct(of) => &of.vis,
        Item::Enum(of) => &of.vis,
        Item::Trait(of) => &of.vis,
        Item::Type(of) => &of.vis,
        Item::Const(of) => &of.vis,
        Item::Static(of) => &of.vis,
        Item::Fn(of) => &of.vis,
        _ => &Visibility::Inherited,
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// An item with its fields or variants, its methods and its traits.
fn block(of: &Crate, place: &Place, wanted: &str) -> String {
    let mut lines = Vec::new();
    let item = of.modules[place]
        .iter()
        .find(|item| name(item).as_deref() == Some(wanted));
    let mut traits = Vec::new();
    match item {
        Some(item) => {
            lines.extend(definition(item));
            traits.extend(derives(attributes(item)));
        }
        None => made_by_macro(of, place, wanted, &mut lines, &mut traits),
    }
    let mut methods = Vec::new();
    for (at, items) in &of.modules {
        for item in items {
            let Item::Impl(found) = item else { continue };
            let Some(path) = self_path(&found.self_ty) else {
                continue;
            };
            if of.resolve(at, &path) != Target::Item(place.clone(), wanted.to_owned()) {
                continue;
            }
            if let Some((path, _)) = &found.trait_ {
                if is_private(of, at, path) {
                    continue;
                }
                traits.push(format!("{}{}", impl_header(found), condition(&found.attrs)));
                continue;
            }
            for item in &found.items {
                match item {
                    syn::ImplItem::Fn(f) if is_public(&f.vis) => {
                        methods.push(
                            signature(&f.vis, &f.sig)
                                + &condition(&f.attrs)
                                + &condition(&found.attrs),
                        );
                    }
                    syn::ImplItem::Const(of) if is_public(&of.vis) => {
                        methods.push(format!("pub const {}: {}", of.ident, type_text(&of.ty)));
                    }
                    _ => {}
                }
            }
        }
    }
    methods.sort();
    traits.sort();
    traits.dedup();
    lines.extend(methods);
    lines.extend(traits.into_iter().map(|line| format!("= {line}")));
    lines
        .iter()
        .fold(String::new(), |text, line| text + "  " + line + "\n")
}

/// A trait of the crate that it keeps to itself.
fn is_private(of: &Crate, at: &Place, path: &syn::Path) -> bool {
    let path: Vec<_> = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    let Target::Item(place, wanted) = of.resolve(at, &path) else {
        return false;
    };
    let found = of.modules[&place]
        .iter()
        .find(|item| name(item).as_deref() == Some(&wanted));
    found.is_some_and(|item| !is_public(visibility(item)))
}

/// What a macro of the crate makes, as far as its text tells: signatures and headers.
fn made_by_macro(
    of: &Crate,
    place: &Place,
    wanted: &str,
    lines: &mut Vec<String>,
    traits: &mut Vec<String>,
) {
    let Some(made) = of.maker(place, wanted) else {
        return;
    };
    let text = made
        .mac
        .tokens
        .to_string()
        .replace("$ name", wanted)
        .replace("$name", wanted)
        .replace('$', "");
    let ident = made
        .ident
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    lines.push(format!("made by macro {ident}!"));
    let upto = |start: usize| {
        text[start..]
            .find('{')
            .map(|end| text[start..start + end].to_owned() + "{}")
    };
    for (start, _) in text.match_indices("pub ") {
        if let Some(f) = upto(start).and_then(|head| syn::parse_str::<syn::ItemFn>(&head).ok()) {
            lines.push(signature(&f.vis, &f.sig));
        }
    }
    for (start, _) in text
        .match_indices("impl ")
        .chain(text.match_indices("impl<"))
    {
        let head = upto(start).and_then(|head| syn::parse_str::<syn::ItemImpl>(&head).ok());
        // Of its many impls, those for the type and those from it.
        traits.extend(
            head.filter(|head| head.trait_.is_some())
                .map(|head| impl_header(&head)),
        );
    }
    for (start, _) in text.match_indices("derive") {
        if let Some((list, _)) = text[start..]
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
        {
            traits.push(derive(list));
        }
    }
}

/// The path of the type that an `impl` is for.
fn self_path(of: &Type) -> Option<Vec<String>> {
    match of {
        Type::Path(of) => Some(
            of.path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect(),
        ),
        Type::Reference(of) => self_path(&of.elem),
        _ => None,
    }
}

fn definition(item: &Item) -> Vec<String> {
    let attrs = attributes(item);
    let mut open = condition(attrs);
    if attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("non_exhaustive"))
    {
        open.push_str(", non_exhaustive");
    }
    match item {
        Item::Struct(of) => {
            let mut of = of.clone();
            let public: Vec<_> = of
                .fields
                .iter()
                .filter(|field| is_public(&field.vis))
                .map(field)
                .collect();
            let hidden = if public.len() < of.fields.len() {
                ", private fields"
            } else {
                ""
            };
            of.fields = Fields::Unit;
            of.attrs.clear();
            of.semi_token = Some(parse_quote!(;));
            [text(parse_quote!(#of)) + &open + hidden]
                .into_iter()
                .chain(public.iter().map(|f| format!("  {f}")))
                .collect()
        }
        Item::Enum(of) => {
            let (vis, ident, generics) = (&of.vis, &of.ident, &of.generics);
            let head = text(parse_quote!(#vis enum #ident #generics {}))
                .trim_end_matches(" {}")
                .to_owned();
            let variants = of.variants.iter().map(|variant| {
                let fields: Vec<_> = variant.fields.iter().map(field).collect();
                let fields = match &variant.fields {
                    Fields::Unit => String::new(),
                    Fields::Unnamed(_) => format!("({})", fields.join(", ")),
                    Fields::Named(_) => format!(" {{ {} }}", fields.join(", ")),
                };
                format!("  {}{fields}{}", variant.ident, renamed(&variant.attrs))
            });
            [head + &open].into_iter().chain(variants).collect()
        }
        Item::Trait(of) => {
            let mut head = of.clone();
            head.attrs.clear();
            let items = std::mem::take(&mut head.items);
            let mut lines: Vec<_> = items
                .into_iter()
                .map(|mut item| {
                    let mut given = "";
                    if let syn::TraitItem::Fn(f) = &mut item {
                        f.attrs.clear();
                        if f.default.take().is_some() {
                            given = ", provided";
                        }
                        f.semi_token = Some(parse_quote!(;));
                    }
                    let line = text(parse_quote!(trait T { #item }));
                    let inner = line
                        .split_once('{')
                        .map_or("", |(_, rest)| rest)
                        .trim_end_matches('}')
                        .trim();
                    format!("  {}{given}", inner.trim_end_matches(';'))
                })
                .collect();
            lines.insert(
                0,
                text(Item::Trait(head)).trim_end_matches(" {}").to_owned() + &open,
            );
            lines
        }
        Item::Fn(of) => vec![signature(&of.vis, &of.sig) + &open],
        Item::Const(of) => {
            let mut of = of.clone();
            of.attrs.clear();
            vec![text(Item::Const(of)) + &open]
        }
        Item::Static(of) => vec![format!(
            "pub static {}: {}{open}",
            of.ident,
            type_text(&of.ty)
        )],
        Item::Type(of) => {
            let mut of = of.clone();
            of.attrs.clear();
            vec![text(Item::Type(of)) + &open]
        }
        _ => Vec::new(),
    }
}

fn field(of: &syn::Field) -> String {
    let name = of
        .ident
        .as_ref()
        .map(|name| format!("{name}: "))
        .unwrap_or_default();
    let public = if is_public(&of.vis) { "pub " } else { "" };
    format!(
        "{public}{name}{}{}{}",
        type_text(&of.ty),
        renamed(&of.attrs),
        condition(&of.attrs)
    )
}

/// The name in JSON, where it is another.
fn renamed(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                text = format!(
                    ", rename = {:?}",
                    meta.value()?.parse::<syn::LitStr>()?.value()
                );
            }
            Ok(())
        });
    }
    text
}

fn derive(list: &str) -> String {
    let mut names: Vec<_> = list
        .split(',')
        .filter_map(|path| path.rsplit("::").next())
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    format!("derive {}", names.join(", "))
}

fn derives(attributes: &[Attribute]) -> Vec<String> {
    let lists = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::List(of) if of.path.is_ident("derive") => Some(derive(&of.tokens.to_string())),
            Meta::List(of) if of.path.is_ident("cfg_attr") => {
                let text = of.tokens.to_string();
                let (when, rest) = text.split_once(',')?;
                let (_, list) = rest.split_once("derive")?;
                let list = list.trim_start().strip_prefix('(')?.split(')').next()?;
                Some(format!("{} if {}", derive(list), when.trim()))
            }
            _ => None,
        });
    lists.collect()
}

/// The features without which it is not there.
fn condition(attributes: &[Attribute]) -> String {
    let conditions = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::List(of) if of.path.is_ident("cfg") => {
                Some(format!(" if {}", short(&of.tokens.to_string())))
            }
            _ => None,
        });
    conditions.collect()
}

fn signature(vis: &Visibility, sig: &syn::Signature) -> String {
    text(parse_quote!(#vis #sig {}))
        .trim_end_matches(" {}")
        .to_owned()
}

fn impl_header(of: &syn::ItemImpl) -> String {
    let mut of = of.clone();
    of.attrs.clear();
    of.items.clear();
    text(Item::Impl(of)).trim_end_matches(" {}").to_owned()
}

fn type_text(of: &Type) -> String {
    text(parse_quote!(type T = #of;))
        .trim_start_matches("type T = ")
        .to_owned()
}

/// An item in one line.
fn text(item: Item) -> String {
    let code = prettyplease::unparse(&syn::File {
        items: vec![item],
        ..parse_quote!()
    });
    short(&code).trim_end_matches(';').to_owned()
}

/// One line without the paths of what everybody knows.
fn short(code: &str) -> String {
    let mut text = code.split_whitespace().collect::<Vec<_>>().join(" ");
    for (from, to) in [
        ("( ", "("),
        (", )", ")"),
        (" )", ")"),
        ("< ", "<"),
        (", >", ">"),
        (" :: ", "::"),
        (" ,", ","),
    ] {
        text = text.replace(from, to);
    }
    for module in [
        "std::fmt",
        "std::error",
        "std::str",
        "std::string",
        "std::vec",
        "std::option",
        "std::convert",
        "serde_json",
        "serde",
        "schemars",
    ] {
        text = text
            .replace(&format!("::{module}::"), "")
            .replace(&format!("{module}::"), "");
    }
    text.replace("fmt::Display", "Display")
        .replace("fmt::Debug", "Debug")
}
