//! Makes and places our entry in `launch.json`: text in, text out. Reads and writes no file.

use remora_debug::{Attach, DebugType, Meeting, launch_json};

use crate::event::Rooted;
use crate::fault::{Fault, Kind};
use crate::folders::mappings;
use crate::handlers::configuration_name;

/// Which entry.
pub struct Entry {
    /// Its name; without it, one that names the target.
    pub name: Option<String>,
    /// The port; without it, the settings' or the project's own.
    pub port: Option<u16>,
    /// Its type.
    pub debug_type: DebugType,
    /// Where the local folders are mirrored.
    pub rooted: Rooted,
}

/// `text` with the entry created or updated in it.
///
/// # Errors
/// A text that does not parse or has no place for the entry; where is said.
pub fn update(text: &str, entry: Entry) -> Result<String, Fault> {
    let Rooted { roots, project, mut meeting } = entry.rooted;
    let name = entry.name.unwrap_or_else(|| configuration_name(&project.target));
    if let (Some(port), Meeting::Connect(place) | Meeting::Listen(place)) = (entry.port, &mut meeting) {
        place.port = port;
    }
    let attach = Attach {
        name: &name,
        debug_type: entry.debug_type,
        meeting,
        mappings: &mappings(&roots),
        just_my_code: project.debug.just_my_code,
        sub_process: project.debug.sub_process,
        secret: None,
    };
    let configuration = attach.configuration();
    launch_json::upsert(text, &configuration).map_err(|error| {
        Fault::new(
            Kind::LaunchJsonInvalid,
            format!("launch.json is left as it is: line {}, column {}: {}.", error.line, error.column, error.message),
            "Correct it there; nothing was changed.",
        )
    })
}
