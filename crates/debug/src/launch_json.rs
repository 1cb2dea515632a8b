//! Owns the text of `launch.json`: text in, text out, on a concrete syntax tree. Never reads a file.

mod place;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use serde_json::{Map, Value};

/// Why a `launch.json` can't be changed; where, if it is about a place. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct LaunchJsonError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// What VS Code reads without a complaint: comments and trailing commas, nothing else beyond JSON.
const AS_VS_CODE: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A byte order mark, which some editors put first.
const BOM: char = '\u{feff}';

/// Keys from before `connect` that contradict it: with them the Python extension maps the local folder to itself.
const CONTRADICTING: [&str; 2] = ["host", "port"];

/// `text` with `entry` in its `configurations`: the entry of the same `name` is updated in place, keeping what the
/// user added to it, or else `entry` is appended. All else stays byte for byte. Empty text becomes a whole file.
///
/// # Errors
/// [`LaunchJsonError`]; the text is not to be touched then.
pub fn upsert(text: &str, entry: &Value) -> Result<String, LaunchJsonError> {
    let Some((entry, name)) = entry.as_object().and_then(|entry| Some((entry, entry.get("name")?.as_str()?))) else {
        return Err(place::nowhere("the attach configuration has no name"));
    };
    let (bom, body) = match text.strip_prefix(BOM) {
        Some(body) => (&text[..BOM.len_utf8()], body),
        None => ("", text),
    };
    if body.trim().is_empty() {
        return Ok(format!("{bom}{}", whole_file(entry)));
    }
    place::check(body, name, &AS_VS_CODE)?;
    let root = CstRootNode::parse(body, &AS_VS_CODE).map_err(|error| place::of_parse_error(&error))?;
    let unusable = || place::nowhere("the file's outermost value is not an object");
    let configurations = root
        .object_value_or_create()
        .ok_or_else(unusable)?
        .array_value_or_create("configurations")
        .ok_or_else(|| place::nowhere("\"configurations\" is not a list"))?;
    match named(&configurations, name) {
        Some(existing) => update(&existing, entry),
        None => drop(configurations.append(input(&Value::Object(entry.clone())))),
    }
    let changed = root.to_string();
    if place::other_entries(body, name, &AS_VS_CODE) != place::other_entries(&changed, name, &AS_VS_CODE)
        || place::check(&changed, name, &AS_VS_CODE) != Ok(1)
    {
        return Err(place::nowhere("the change would not leave the other configurations as they are"));
    }
    Ok(format!("{bom}{changed}"))
}

/// A new file, as VS Code would make it.
fn whole_file(entry: &Map<String, Value>) -> String {
    let file = serde_json::json!({ "version": "0.2.0", "configurations": [entry] });
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(&file, &mut serializer).expect("invariant: a JSON value is serializable");
    text.push(b'\n');
    String::from_utf8(text).expect("invariant: JSON is UTF-8")
}

fn named(configurations: &CstArray, name: &str) -> Option<CstObject> {
    let is_it = |object: &CstObject| value_of(object, "name").is_some_and(|value| value == name);
    configurations.elements().iter().filter_map(CstNode::as_object).find(is_it)
}

fn value_of(object: &CstObject, key: &str) -> Option<Value> {
    property(object, key)?.value()?.to_serde_value()
}

/// The last property of that name: the one that counts.
fn property(object: &CstObject, key: &str) -> Option<CstObjectProp> {
    object.properties().into_iter().rfind(|property| property.decoded_name().as_deref() == Some(key))
}

fn update(existing: &CstObject, entry: &Map<String, Value>) {
    for key in CONTRADICTING {
        if let (false, Some(property)) = (entry.contains_key(key), property(existing, key)) {
            property.remove();
        }
    }
    merge(existing, entry);
}

/// Sets every key of `wanted`, leaving what is right as it is written and what is not mentioned alone.
fn merge(existing: &CstObject, wanted: &Map<String, Value>) {
    for (key, value) in wanted {
        let Some(property) = property(existing, key) else {
            existing.append(key, input(value));
            continue;
        };
        let current = property.value();
        if current.as_ref().and_then(CstNode::to_serde_value).as_ref() == Some(value) {
            continue;
        }
        match (key.as_str(), current, value) {
            (_, Some(current), Value::Object(value)) if current.as_object().is_some() => {
                merge(&current.as_object().expect("invariant: just looked at"), value);
            }
            ("pathMappings", Some(current), Value::Array(mappings)) if current.as_array().is_some() => {
                let current = current.as_array().expect("invariant: just looked at");
                if mappings.len() > 1 {
                    let merged = several(&current, mappings);
                    if current.to_serde_value().as_ref() != Some(&merged) {
                        property.set_value(input(&merged));
                    }
                    continue;
                }
                mappings.iter().filter_map(Value::as_object).for_each(|mapping| merge_mapping(&current, mapping));
            }
            _ => property.set_value(input(value)),
        }
    }
}

/// Puts one mapping among those of the user: over the one for the same folder, over the only one, or after the
/// others (order matters to the debugger, and the user's special cases come first).
fn merge_mapping(existing: &CstArray, wanted: &Map<String, Value>) {
    let objects: Vec<CstObject> = existing.elements().iter().filter_map(CstNode::as_object).collect();
    let shares = |object: &CstObject, key: &str| value_of(object, key).as_ref() == wanted.get(key);
    let same = objects
        .iter()
        .find(|object| shares(object, "remoteRoot"))
        .or_else(|| objects.iter().find(|object| shares(object, "localRoot")))
        .or(if objects.len() == 1 { objects.first() } else { None });
    match same {
        // "${workspaceFolder}" is what a committed file says, and means the same.
        Some(object) if shares(object, "remoteRoot") && is_variable(value_of(object, "localRoot").as_ref()) => {}
        Some(object) => merge(object, wanted),
        None => drop(existing.append(input(&Value::Object(wanted.clone())))),
    }
}

/// Several mappings among those of the user, whose special cases come first. The order of the others matters too: a
/// folder in another one comes before that.
fn several(existing: &CstArray, wanted: &[Value]) -> Value {
    let theirs = existing.to_serde_value().and_then(|value| value.as_array().cloned()).unwrap_or_default();
    let shares =
        |one: &Value, other: &Value| ["remoteRoot", "localRoot"].iter().any(|key| one.get(key) == other.get(key));
    let special = theirs.iter().filter(|theirs| !wanted.iter().any(|wanted| shares(theirs, wanted)));
    let ours = wanted.iter().map(|wanted| {
        let same = |theirs: &&Value| {
            theirs.get("remoteRoot") == wanted.get("remoteRoot") && is_variable(theirs.get("localRoot"))
        };
        theirs.iter().find(same).unwrap_or(wanted)
    });
    special.chain(ours).cloned().collect()
}

fn is_variable(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| text.starts_with("${"))
}

/// A value as the syntax tree takes it. Whole numbers and texts stay as they are written.
#[must_use]
pub fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(key, value)| (key.clone(), input(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests;
