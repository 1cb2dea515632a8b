//! Words what can go wrong while a target is being chosen.

use remora_model::SettingsError;

use super::transport::said;
use super::{Fault, Kind};

/// What is offered as a target is none.
#[must_use]
pub fn target(error: &SettingsError) -> Fault {
    // It stands in no settings yet, so its place there says nothing.
    let place = error.setting.strip_prefix("remora.targets[0]").unwrap_or(&error.setting).trim_start_matches('.');
    let what = if place.is_empty() { error.problem.clone() } else { format!("{place} {}", error.problem) };
    Fault::new(Kind::BadRequest, format!("The target can't be used: {what}."), "Correct it and try again.")
}

/// Something was asked over a connection that is not there.
#[must_use]
pub fn not_open() -> Fault {
    Fault::new(Kind::BadRequest, "No machine is connected for the set-up.", "Choose the machine first.")
}

/// Another machine was chosen before this one was connected.
#[must_use]
pub fn replaced() -> Fault {
    Fault::new(Kind::Cancelled, "Another machine was chosen before this one was connected.", "Choose it again.")
}

/// The set-up ended before the machine was connected.
#[must_use]
pub fn closed() -> Fault {
    Fault::new(Kind::Cancelled, "The set-up was given up before the machine was connected.", "Begin it again.")
}

/// A path that depends on where one stands.
#[must_use]
pub fn not_absolute(path: &str) -> Fault {
    Fault::new(
        Kind::BadRequest,
        format!("The folder {path:?} is neither an absolute path nor starts with ~/."),
        "Write it as /path/to/folder or ~/folder.",
    )
}

/// A folder that can't be looked into; `error` is Python's name for the reason.
#[must_use]
pub fn unreadable(path: &str, error: &str, words: &str) -> Fault {
    match error {
        "FileNotFoundError" => {
            Fault::new(Kind::RemoteRootMissing, format!("There is no folder {path} there."), "Choose another folder.")
        }
        "NotADirectoryError" => {
            Fault::new(Kind::InTheWay, format!("{path} is not a folder."), "Choose the folder that it is in.")
        }
        "PermissionError" => Fault::new(
            Kind::Permission,
            format!("Can't look into {path}: the login may not read it."),
            "Choose another folder, or type the path of one in it that the login may use.",
        ),
        _ => Fault::new(
            Kind::Permission,
            format!("Can't look into {path}{}.", said(words)),
            "Choose another folder, or type its path.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use remora_model::Settings;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_target_that_is_none_is_told_in_the_settings_own_words() {
        for (value, message) in [
            (json!({"name": "a", "host": 3}), "The target can't be used: host must be a text, not a number."),
            (
                json!({"name": "a", "command": [1]}),
                "The target can't be used: command[0] must be a text, not a number.",
            ),
            (json!("box"), "The target can't be used: must be an object, not a text."),
            (
                json!({"name": "a"}),
                "The target can't be used: a target has exactly one of \"host\", \"command\" and \"local\": true.",
            ),
        ] {
            let error = Settings::from_json(&json!({"targets": [value]})).unwrap_err();
            assert_eq!(target(&error).message, message);
        }
    }
}
