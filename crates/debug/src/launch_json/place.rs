//! Owns where things stand in a `launch.json`: what is wrong and at which line, and the text of each entry.

use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::errors::ParseError;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::LaunchJsonError;

/// An error that is about the whole.
pub(super) fn nowhere(message: &str) -> LaunchJsonError {
    LaunchJsonError { line: 1, column: 1, message: message.to_owned() }
}

/// An error of the parser, where it happened.
pub(super) fn of_parse_error(error: &ParseError) -> LaunchJsonError {
    LaunchJsonError { line: error.line_display(), column: error.column_display(), message: error.kind().to_string() }
}

/// Whether the text can be changed, and how many entries have that name (one at most).
pub(super) fn check(text: &str, name: &str, options: &ParseOptions) -> Result<usize, LaunchJsonError> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), options).map_err(|error| of_parse_error(&error))?;
    let root = match &parsed.value {
        None => return Ok(0),
        Some(Value::Object(root)) => root,
        Some(other) => return Err(at(text, other.start(), "this is not an object")),
    };
    let configurations = match configurations(root) {
        None => return Ok(0),
        Some(Value::Array(configurations)) => configurations,
        Some(other) => return Err(at(text, other.start(), "\"configurations\" is not a list")),
    };
    let mut same = configurations.elements.iter().filter(|entry| is_named(entry, name));
    let count = usize::from(same.next().is_some());
    match same.next() {
        None => Ok(count),
        Some(second) => Err(at(text, second.start(), &format!("a second configuration is named {name:?}"))),
    }
}

/// The texts of the entries that have another name or none, in their order.
pub(super) fn other_entries(text: &str, name: &str, options: &ParseOptions) -> Vec<String> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), options);
    let root = match parsed.as_ref().map(|parsed| &parsed.value) {
        Ok(Some(Value::Object(root))) => root,
        _ => return Vec::new(),
    };
    let Some(Value::Array(Array { elements, .. })) = configurations(root) else { return Vec::new() };
    let others = elements.iter().filter(|entry| !is_named(entry, name));
    others.map(|entry| text[entry.start()..entry.end()].to_owned()).collect()
}

/// The last of that name: the one that counts, and the one that is changed.
fn configurations<'a, 'text>(root: &'a Object<'text>) -> Option<&'a Value<'text>> {
    root.properties.iter().rfind(|property| property.name.as_str() == "configurations").map(|property| &property.value)
}

fn is_named(entry: &Value<'_>, name: &str) -> bool {
    let Value::Object(entry) = entry else { return false };
    let last = entry.properties.iter().rfind(|property| property.name.as_str() == "name");
    last.is_some_and(|property| matches!(&property.value, Value::StringLit(text) if text.value == name))
}

fn at(text: &str, offset: usize, message: &str) -> LaunchJsonError {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    LaunchJsonError { line, column, message: message.to_owned() }
}
