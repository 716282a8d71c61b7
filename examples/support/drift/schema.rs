//! What a schema allows, whatever form it is written in.
//!
//! A keyword of JSON Schema speaks of one kind of value, so a schema is kept by kind. References, `allOf` and
//! what stands beside them are merged; an `anyOf` or `oneOf` becomes the kinds of its parts, so that a part
//! `null` is no more than the kind null. Fields and items are read when they are compared.

use super::document::{Document, list, object, text};
use super::keywords;
use super::limit::{self, Bound, Limit};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How many schemas one comparison may read; a real document needs some hundreds. Keeps small documents
/// that unfold into enormous ones from running for ever.
pub const STEPS: usize = 20_000;
/// The deepest nesting of references and parts within one schema.
const DEEPEST: usize = 100;
/// How many forms one kind may have.
const MOST_FORMS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    String,
    Number,
    Boolean,
    Object,
    Array,
    Null,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::String,
        Self::Number,
        Self::Boolean,
        Self::Object,
        Self::Array,
        Self::Null,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Null => "null",
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

/// The values that are listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Values<'a> {
    pub listed: Vec<&'a Value>,
    /// Whether others are allowed too.
    pub open: bool,
}

/// One form of the values of a kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form<'a> {
    pub values: Option<Values<'a>>,
    pub integer: bool,
    pub limits: BTreeMap<Limit, Bound>,
    pub unique: bool,
    /// Each value that a keyword has in the parts.
    pub not_understood: BTreeMap<&'a str, Vec<&'a Value>>,
    pub items: Vec<&'a Value>,
    pub fields: BTreeMap<&'a str, Vec<&'a Value>>,
    pub required: BTreeSet<&'a str>,
    /// What other fields may be.
    pub others: Vec<&'a Value>,
}

/// What a schema allows; nothing, if it has no kind.
#[derive(Clone, Debug, Default)]
pub struct Schema<'a> {
    pub forms: BTreeMap<Kind, Vec<Form<'a>>>,
    pub read_only: bool,
    pub write_only: bool,
}

impl Schema<'_> {
    fn anything() -> Self {
        Self {
            forms: Kind::ALL.map(|kind| (kind, vec![Form::default()])).into(),
            ..Self::default()
        }
    }

    /// Whether nothing is said at all.
    pub fn is_anything(&self) -> bool {
        Kind::ALL.iter().all(|kind| {
            self.forms
                .get(kind)
                .is_some_and(|forms| forms == &[Form::default()])
        })
    }

    pub fn is_integer(&self) -> bool {
        self.forms
            .get(&Kind::Number)
            .is_some_and(|forms| forms.iter().all(|form| form.integer))
    }

    /// The types, for people.
    pub fn types(&self) -> String {
        if Kind::ALL.iter().all(|kind| self.forms.contains_key(kind)) {
            return "any type".to_owned();
        }
        let name = |kind: &Kind| {
            if *kind == Kind::Number && self.is_integer() {
                "integer"
            } else {
                kind.name()
            }
        };
        let names: Vec<_> = self.forms.keys().map(name).collect();
        if names.is_empty() {
            "no type".to_owned()
        } else {
            names.join(" or ")
        }
    }
}

/// Reads the schemas of a document.
pub struct Reader<'d, 'a> {
    document: &'d Document<'a>,
    steps: &'d mut usize,
    /// The references that lead to where it reads.
    way: Vec<&'a str>,
    depth: usize,
}

impl<'d, 'a> Reader<'d, 'a> {
    pub fn new(document: &'d Document<'a>, steps: &'d mut usize) -> Self {
        Self {
            document,
            steps,
            way: Vec::new(),
            depth: 0,
        }
    }

    /// What all of the schemas allow.
    pub fn read(&mut self, schemas: &[&'a Value]) -> Result<Schema<'a>, String> {
        let mut all = Schema::anything();
        for schema in schemas {
            all = both(&all, &self.one(schema)?)?;
        }
        for form in all.forms.values_mut().flatten() {
            if form.integer {
                limit::round(&mut form.limits);
                if let Some(values) = form.not_understood.get_mut("multipleOf") {
                    values.retain(|value| !keywords::divides_one(value));
                }
                form.not_understood.retain(|_, values| !values.is_empty());
            }
            limit::drop_implied(&mut form.limits, form.required.len());
        }
        Ok(all)
    }

    fn one(&mut self, schema: &'a Value) -> Result<Schema<'a>, String> {
        *self.steps = self
            .steps
            .checked_sub(1)
            .ok_or("the schemas unfold into too many to compare")?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!(
                "the schemas are nested more than {DEEPEST} deep in one another"
            ));
        }
        let read = match schema {
            Value::Bool(true) => Schema::anything(),
            Value::Bool(false) => Schema::default(),
            other => self.keywords(object(other)?)?,
        };
        self.depth -= 1;
        Ok(read)
    }

    fn keywords(&mut self, schema: &'a Map<String, Value>) -> Result<Schema<'a>, String> {
        let mut read = own(schema)?;
        if let Some(reference) = schema.get("$ref") {
            let reference = text(reference, "$ref")?;
            if self.way.contains(&reference) {
                return Err(format!(
                    "`{reference}` refers to itself: {}",
                    self.way.join(", ")
                ));
            }
            self.way.push(reference);
            let target = self.one(self.document.target(reference)?)?;
            self.way.pop();
            if self.document.is_old {
                return Ok(target);
            }
            read = both(&read, &target)?;
        }
        for part in schema
            .get("allOf")
            .map(|parts| list(parts, "allOf"))
            .transpose()?
            .into_iter()
            .flatten()
        {
            read = both(&read, &self.one(part)?)?;
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(parts) = schema.get(key) {
                let mut any = Schema::default();
                for part in list(parts, key)? {
                    any = either(any, self.one(part)?)?;
                }
                read = both(&read, &any)?;
            }
        }
        // OpenAPI 3.0, where a list of values need not repeat the null. Meant so beside an `allOf` too.
        if schema.get("nullable") == Some(&Value::Bool(true)) {
            read.forms.insert(Kind::Null, vec![Form::default()]);
        }
        Ok(read)
    }
}

/// What the keywords of a schema itself say.
fn own(schema: &Map<String, Value>) -> Result<Schema<'_>, String> {
    let flag = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    let mut read = Schema {
        read_only: flag("readOnly"),
        write_only: flag("writeOnly"),
        ..Schema::anything()
    };
    if let Some(types) = schema.get("type") {
        let names = match types {
            Value::Array(names) => names
                .iter()
                .map(|name| text(name, "type"))
                .collect::<Result<_, _>>()?,
            name => vec![text(name, "type")?],
        };
        for name in &names {
            if *name != "integer" && Kind::ALL.iter().all(|kind| kind.name() != *name) {
                return Err(format!("`type`: `{name}` is no type"));
            }
        }
        let (whole, all) = (names.contains(&"integer"), names.contains(&"number"));
        read.forms
            .retain(|kind, _| names.contains(&kind.name()) || (*kind == Kind::Number && whole));
        for form in read.forms.get_mut(&Kind::Number).into_iter().flatten() {
            form.integer = whole && !all;
        }
    }
    let listed = schema
        .get("enum")
        .map(|values| list(values, "enum"))
        .transpose()?;
    let values: Option<Vec<&Value>> = match (listed, schema.get("const")) {
        (Some(values), Some(constant)) => {
            Some(values.iter().filter(|value| *value == constant).collect())
        }
        (Some(values), None) => Some(values.iter().collect()),
        (None, Some(constant)) => Some(vec![constant]),
        (None, None) => None,
    };
    if let Some(values) = values {
        read.forms.retain(|kind, forms| {
            let mut of_kind: Vec<_> = values
                .iter()
                .copied()
                .filter(|value| Kind::of(value) == *kind)
                .collect();
            of_kind.sort_by_key(ToString::to_string);
            of_kind.dedup();
            let all = *kind == Kind::Null || (*kind == Kind::Boolean && of_kind.len() == 2);
            let some = !of_kind.is_empty();
            // Whole numbers only are integers, said or not.
            forms[0].integer |= of_kind.iter().all(|value| value.is_i64() || value.is_u64());
            forms[0].values = (!all).then_some(Values {
                listed: of_kind,
                open: false,
            });
            some
        });
    }
    for (kind, forms) in &mut read.forms {
        constrain(&mut forms[0], *kind, schema)?;
    }
    Ok(read)
}

/// The keywords that speak of one kind.
fn constrain<'a>(
    form: &mut Form<'a>,
    kind: Kind,
    schema: &'a Map<String, Value>,
) -> Result<(), String> {
    form.limits = limit::read(kind, schema)?;
    form.not_understood = keywords::not_understood(kind, schema)
        .map(|(key, value)| (key, vec![value]))
        .collect();
    match kind {
        Kind::Array => {
            form.unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
            form.items.extend(schema.get("items"));
        }
        Kind::Object => {
            if let Some(fields) = schema.get("properties") {
                let fields = object(fields).map_err(|e| format!("`properties`: {e}"))?;
                form.fields.extend(
                    fields
                        .iter()
                        .map(|(name, field)| (name.as_str(), vec![field])),
                );
            }
            for name in schema
                .get("required")
                .map(|r| list(r, "required"))
                .transpose()?
                .into_iter()
                .flatten()
            {
                form.required.insert(text(name, "required")?);
            }
            form.others.extend(schema.get("additionalProperties"));
        }
        _ => {}
    }
    Ok(())
}

/// What both allow.
fn both<'a>(a: &Schema<'a>, b: &Schema<'a>) -> Result<Schema<'a>, String> {
    let mut forms = BTreeMap::new();
    for (kind, of_a) in &a.forms {
        let mut merged = Vec::new();
        for b in b.forms.get(kind).into_iter().flatten() {
            for form in of_a.iter().filter_map(|a| merge(a, b)) {
                join(&mut merged, form)?;
            }
        }
        if !merged.is_empty() {
            forms.insert(*kind, merged);
        }
    }
    Ok(Schema {
        forms,
        read_only: a.read_only || b.read_only,
        write_only: a.write_only || b.write_only,
    })
}

/// What either allows.
fn either<'a>(mut a: Schema<'a>, b: Schema<'a>) -> Result<Schema<'a>, String> {
    for (kind, forms) in b.forms {
        let of_a = a.forms.entry(kind).or_default();
        for form in forms {
            join(of_a, form)?;
        }
    }
    a.read_only |= b.read_only;
    a.write_only |= b.write_only;
    Ok(a)
}

/// What both forms allow, if there is such a value.
fn merge<'a>(a: &Form<'a>, b: &Form<'a>) -> Option<Form<'a>> {
    let mut form = a.clone();
    form.values = match (&a.values, &b.values) {
        (None, values) | (values, None) => values.clone(),
        (Some(a), Some(b)) if a.open && b.open => Some(Values {
            listed: union(&a.listed, &b.listed),
            open: true,
        }),
        (Some(open), Some(closed)) | (Some(closed), Some(open)) if open.open => {
            Some(closed.clone())
        }
        (Some(a), Some(b)) => {
            let listed: Vec<_> = a
                .listed
                .iter()
                .copied()
                .filter(|value| b.listed.contains(value))
                .collect();
            (!listed.is_empty()).then_some(())?;
            Some(Values {
                listed,
                open: false,
            })
        }
    };
    form.integer |= b.integer;
    form.unique |= b.unique;
    limit::tighten(&mut form.limits, &b.limits);
    for (key, values) in &b.not_understood {
        let there = form.not_understood.entry(key).or_default();
        *there = union(there, values);
    }
    form.items.extend(&b.items);
    // What a part says of other fields than its own holds for those of the other part.
    for (name, field) in &b.fields {
        form.fields
            .entry(name)
            .or_insert_with(|| a.others.clone())
            .extend(field);
    }
    for (_, field) in form
        .fields
        .iter_mut()
        .filter(|(name, _)| !b.fields.contains_key(*name))
    {
        field.extend(&b.others);
    }
    form.required.extend(&b.required);
    form.others.extend(&b.others);
    Some(form)
}

/// Adds a form, as part of one that is there where that says the same.
fn join<'a>(forms: &mut Vec<Form<'a>>, form: Form<'a>) -> Result<(), String> {
    for there in forms.iter_mut() {
        let values = there.values.take();
        let same = Form {
            values: form.values.clone(),
            ..there.clone()
        } == form;
        there.values = match (values, &form.values, same) {
            (Some(a), Some(b), true) => Some(Values {
                listed: union(&a.listed, &b.listed),
                open: a.open || b.open,
            }),
            // Listed ones, and any others: a list that is kept open.
            (Some(values), None, true) => Some(Values {
                open: true,
                ..values
            }),
            (None, Some(values), true) => Some(Values {
                open: true,
                ..values.clone()
            }),
            (values, _, _) => values,
        };
        if same {
            return Ok(());
        }
    }
    if forms.len() == MOST_FORMS {
        return Err(format!(
            "a schema has more than {MOST_FORMS} forms; judge it by hand"
        ));
    }
    forms.push(form);
    Ok(())
}

fn union<'a>(a: &[&'a Value], b: &[&'a Value]) -> Vec<&'a Value> {
    let mut all = a.to_vec();
    all.extend(b.iter().copied().filter(|value| !a.contains(value)));
    all.sort_by_key(ToString::to_string);
    all
}
