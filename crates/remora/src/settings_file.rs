//! Reads settings for the command line from `.vscode/settings.json`. The editor has its own way
//! (`workspace/configuration`). Never writes it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use remora_model::{LocalPath, Settings};
use serde_json::Value;

use crate::fault::{Fault, Kind};

/// The settings of the folder; the defaults if it has none.
///
/// # Errors
/// A file that can't be read or parsed, or a setting of the wrong type.
pub fn read(root: &LocalPath) -> Result<Settings, Fault> {
    let file = path(root);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Settings::default());
        }
        Err(error) => {
            return Err(Fault::new(
                Kind::BadSettings,
                format!("Can't read {}: {error}.", file.display()),
                "Correct the file's permissions.",
            ));
        }
    };
    parse(&file, &text)
}

/// Where the folder's settings are, or would be.
pub fn path(root: &LocalPath) -> PathBuf {
    root.as_path().join(".vscode").join("settings.json")
}

/// What a text means as the settings of `file`.
///
/// # Errors
/// As [`read`].
pub fn parse(file: &Path, text: &str) -> Result<Settings, Fault> {
    Ok(Settings::from_json(&value(file, text)?)?)
}

/// VS Code allows comments and trailing commas there.
fn value(file: &Path, text: &str) -> Result<Value, Fault> {
    let text = text.trim_start_matches('\u{feff}');
    let value = jsonc_parser::parse_to_serde_value::<Option<Value>>(text, &jsonc_parser::ParseOptions::default());
    match value {
        Ok(value) => Ok(value.unwrap_or_else(|| Value::Object(serde_json::Map::new()))),
        Err(error) => Err(Fault::new(
            Kind::BadSettings,
            format!("{} does not parse: {error}.", file.display()),
            "Correct it; the editor marks the place.",
        )),
    }
}
