//! The crate's source as modules of items, and where a name in one of them leads.

use std::collections::BTreeMap;
use std::path::Path;
use syn::{Attribute, Item, UseTree};

/// A module's path below the crate.
pub type Place = Vec<String>;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A module of the crate.
    Module(Place),
    /// An item, by the module that defines it.
    Item(Place, String),
    /// Something of another crate, as it is written.
    Elsewhere(String),
}

/// Every module with its items.
pub struct Crate {
    /// By path; the root has none.
    pub modules: BTreeMap<Place, Vec<Item>>,
}

impl Crate {
    /// Reads `lib.rs` and every module under it; `generated` stands where `OUT_DIR` is included.
    pub fn read(src: &Path, generated: &syn::File) -> Self {
        let mut read = Self {
            modules: BTreeMap::new(),
        };
        read.file(&src.join("lib.rs"), src, &Vec::new(), generated);
        read
    }

    fn file(&mut self, file: &Path, below: &Path, place: &Place, generated: &syn::File) {
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.items(parsed.items, below, place, generated);
    }

    fn items(&mut self, items: Vec<Item>, below: &Path, place: &Place, generated: &syn::File) {
        let mut kept = Vec::new();
        for item in items {
            if is_test(attributes(&item)) {
                continue;
            }
            match &item {
                Item::Mod(of) => {
                    let name = of.ident.to_string();
                    let child: Place = place.iter().cloned().chain([name.clone()]).collect();
                    let inside = below.join(&name);
                    match &of.content {
                        Some((_, items)) => self.items(items.clone(), &inside, &child, generated),
                        None => {
                            let flat = below.join(format!("{name}.rs"));
                            let file = if flat.exists() {
                                flat
                            } else {
                                inside.join("mod.rs")
                            };
                            self.file(&file, &inside, &child, generated);
                        }
                    }
                }
                Item::Macro(of) if of.mac.path.is_ident("include") => {
                    self.items(generated.items.clone(), below, place, generated);
                    continue;
                }
                _ => {}
            }
            kept.push(item);
        }
        self.modules.entry(place.clone()).or_default().extend(kept);
    }

    /// Where a path leads that is written in the module `at`.
    pub fn resolve(&self, at: &Place, path: &[String]) -> Target {
        let (mut module, mut rest) = (at.clone(), path);
        while let Some(first) = rest.first() {
            match first.as_str() {
                "crate" => module.clear(),
                "super" => drop(module.pop()),
                "self" => {}
                _ => break,
            }
            rest = &rest[1..];
        }
        for name in rest {
            match self.lookup(&module, name) {
                Some(Target::Module(inner)) => module = inner,
                // An item has nothing below it but its variants.
                Some(target) => return target,
                None => return Target::Elsewhere(path.join("::")),
            }
        }
        Target::Module(module)
    }

    fn lookup(&self, module: &Place, name: &str) -> Option<Target> {
        let items = self.modules.get(module)?;
        if items
            .iter()
            .any(|item| self::name(item).as_deref() == Some(name))
        {
            return Some(Target::Item(module.clone(), name.to_owned()));
        }
        let child: Place = module.iter().cloned().chain([name.to_owned()]).collect();
        if self.modules.contains_key(&child) {
            return Some(Target::Module(child));
        }
        let uses: Vec<_> = items.iter().filter_map(imports).flatten().collect();
        // `use tls::tls` names itself; following it would not end.
        let found = uses
            .iter()
            .find(|(alias, path)| alias == name && path.first().is_none_or(|first| first != name));
        if let Some((_, path)) = found {
            return Some(self.resolve(module, path));
        }
        for (_, path) in uses.iter().filter(|(alias, _)| alias == "*") {
            if let Target::Module(of) = self.resolve(module, path)
                && of != *module
                && let Some(target) = self.lookup(&of, name)
            {
                return Some(target);
            }
        }
        let made = self.maker(module, name).is_some();
        made.then(|| Target::Item(module.clone(), name.to_owned()))
    }

    /// The macro of the module that makes an item of this name.
    pub fn maker(&self, module: &Place, name: &str) -> Option<&syn::ItemMacro> {
        let mut calls = self
            .modules
            .get(module)?
            .iter()
            .filter_map(|item| match item {
                Item::Macro(of) if of.ident.is_none() => Some(of),
                _ => None,
            });
        let call =
            calls.find(|call| words(&call.mac.tokens.to_string()).any(|word| word == name))?;
        self.modules
            .get(module)?
            .iter()
            .find_map(|item| match item {
                Item::Macro(of)
                    if of
                        .ident
                        .as_ref()
                        .is_some_and(|ident| call.mac.path.is_ident(ident)) =>
                {
                    Some(of)
                }
                _ => None,
            })
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The names that a `use` brings in, each with its path; a glob is `*`.
pub fn imports(item: &Item) -> Option<Vec<(String, Vec<String>)>> {
    fn walk(tree: &UseTree, path: &[String], out: &mut Vec<(String, Vec<String>)>) {
        let with = |name: String| path.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(of) => walk(&of.tree, &with(of.ident.to_string()), out),
            UseTree::Name(of) if of.ident == "self" => {
                out.push((path.last().cloned().unwrap_or_default(), path.to_vec()));
            }
            UseTree::Name(of) => out.push((of.ident.to_string(), with(of.ident.to_string()))),
            UseTree::Rename(of) => out.push((of.rename.to_string(), with(of.ident.to_string()))),
            UseTree::Glob(_) => out.push(("*".to_owned(), path.to_vec())),
            UseTree::Group(of) => of.items.iter().for_each(|tree| walk(tree, path, out)),
        }
    }
    let Item::Use(of) = item else { return None };
    let mut out = Vec::new();
    walk(&of.tree, &[], &mut out);
    Some(out)
}

/// The name of what an item defines, modules and macros apart.
pub fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Struct(of) => of.ident.to_string(),
        Item::Enum(of) => of.ident.to_string(),
        Item::Trait(of) => of.ident.to_string(),
        Item::Type(of) => of.ident.to_string(),
        Item::Const(of) => of.ident.to_string(),
        Item::Static(of) => of.ident.to_string(),
        Item::Fn(of) => of.sig.ident.to_string(),
        _ => return None,
    })
}

/// An item's attributes.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Struct(of) => &of.attrs,
        Item::Enum(of) => &of.attrs,
        Item::Trait(of) => &of.attrs,
        Item::Type(of) => &of.attrs,
        Item::Const(of) => &of.attrs,
        Item::Static(of) => &of.attrs,
        Item::Fn(of) => &of.attrs,
        Item::Mod(of) => &of.attrs,
        Item::Use(of) => &of.attrs,
        Item::Impl(of) => &of.attrs,
        Item::Macro(of) => &of.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(of) => of.path.is_ident("cfg") && of.tokens.to_string() == "test",
        _ => false,
    })
}
