//! Owns the borders between crates: the table in `ARCHITECTURE.md` against what the manifests say.
//! Knows nothing of what the crates do.

use std::collections::BTreeSet;

/// Opens the block of `ARCHITECTURE.md` that holds the table.
const FENCE: &str = "```borders";

/// What one crate imports from the workspace. `crates/` and `remora-` are left out of the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imports {
    /// The crate.
    pub name: String,
    /// What it depends on.
    pub of: BTreeSet<String>,
}

/// Reads the table: one crate a line, `mirror: model agent`, ground floor first.
///
/// # Errors
/// A sentence: the block is missing, a line is malformed, or a crate stands above one that it imports
/// (which is also what a circle would look like).
pub fn written(architecture: &str) -> Result<Vec<Imports>, String> {
    let block = architecture.split_once(&format!("{FENCE}\n")).and_then(|(_, rest)| rest.split_once("\n```"));
    let (block, _) = block.ok_or_else(|| format!("ARCHITECTURE.md has no {FENCE} block"))?;
    let mut table: Vec<Imports> = Vec::new();
    for line in block.lines() {
        let (name, of) =
            line.split_once(':').ok_or_else(|| format!("ARCHITECTURE.md: {line:?} is not `crate: imports`"))?;
        let of: BTreeSet<String> = of.split_whitespace().map(str::to_owned).collect();
        if let Some(above) = of.iter().find(|import| table.iter().all(|row| row.name != **import)) {
            return Err(format!("ARCHITECTURE.md: {name} imports {above}, which does not stand on a line before it"));
        }
        table.push(Imports { name: name.trim().to_owned(), of });
    }
    Ok(table)
}

/// Reads what a manifest's `[dependencies]` (of any platform) take from the workspace.
///
/// # Errors
/// A sentence: the manifest is not TOML, or has no name.
pub fn real(manifest: &str) -> Result<Imports, String> {
    let manifest: toml::Table = manifest.parse().map_err(|error| format!("not a manifest: {error}"))?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms.into_iter().flat_map(|table| table.values()).filter_map(|of| of.get("dependencies"));
    let of = manifest.get("dependencies").into_iter().chain(platforms);
    let of = of.filter_map(toml::Value::as_table).flat_map(|table| table.keys()).filter_map(|name| short(name));
    Ok(Imports { name: name.and_then(short).ok_or("a manifest without our name")?, of: of.collect() })
}

/// `remora-mirror` is `mirror`; `remora` is itself; anything else is not ours.
fn short(name: &str) -> Option<String> {
    match name.strip_prefix("remora") {
        Some("") => Some(name.to_owned()),
        Some(rest) => rest.strip_prefix('-').map(str::to_owned),
        None => None,
    }
}

/// Where table and manifests differ, a sentence each.
#[must_use]
pub fn differences(written: &[Imports], real: &[Imports]) -> Vec<String> {
    let mut found = Vec::new();
    for row in written {
        match real.iter().find(|crate_| crate_.name == row.name) {
            None => found.push(format!("ARCHITECTURE.md lists {}, which is no crate of the workspace", row.name)),
            Some(crate_) => {
                let unwritten = crate_.of.difference(&row.of);
                found.extend(
                    unwritten.map(|of| format!("{} imports {of}, which ARCHITECTURE.md does not allow", row.name)),
                );
                let unused = row.of.difference(&crate_.of);
                found.extend(unused.map(|of| format!("ARCHITECTURE.md says {} imports {of}; it does not", row.name)));
            }
        }
    }
    let unlisted = real.iter().filter(|crate_| written.iter().all(|row| row.name != crate_.name));
    found.extend(unlisted.map(|crate_| format!("{} is not in the table of ARCHITECTURE.md", crate_.name)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &str) -> Result<Vec<Imports>, String> {
        written(&format!("# Text\n\n```borders\n{lines}\n```\n"))
    }

    #[test]
    fn a_table_is_read_from_the_ground_up() {
        let rows = table("model:\nagent: model\nmirror: model agent").unwrap();
        assert_eq!(rows[2].name, "mirror");
        assert_eq!(rows[2].of, ["agent", "model"].map(str::to_owned).into());
    }

    #[test]
    fn a_circle_or_a_look_upwards_is_refused() {
        let error = table("model: mirror\nmirror: model").unwrap_err();
        assert_eq!(error, "ARCHITECTURE.md: model imports mirror, which does not stand on a line before it");
        assert_eq!(table("model").unwrap_err(), "ARCHITECTURE.md: \"model\" is not `crate: imports`");
        assert_eq!(written("no block").unwrap_err(), "ARCHITECTURE.md has no ```borders block");
    }

    #[test]
    fn a_manifest_says_what_it_takes_on_any_platform_and_dev_dependencies_are_left_out() {
        let manifest = "[package]\nname = \"remora-mirror\"\n[dependencies]\nremora-model.workspace = true\ntokio = \"1\"\n\
            [target.'cfg(unix)'.dependencies]\nremora-agent = { path = \"../agent\" }\n\
            [dev-dependencies]\nremora-testkit.workspace = true\n";
        let imports = real(manifest).unwrap();
        assert_eq!(imports, Imports { name: "mirror".into(), of: ["agent", "model"].map(str::to_owned).into() });
    }

    #[test]
    fn every_difference_is_said() {
        let imports = |name: &str, of: &[&str]| Imports {
            name: name.to_owned(),
            of: of.iter().map(|&import| import.to_owned()).collect(),
        };
        let written = [imports("model", &[]), imports("gone", &[]), imports("mirror", &["model"])];
        let real = [imports("model", &[]), imports("mirror", &["debug"]), imports("new", &[])];
        assert_eq!(
            differences(&written, &real),
            [
                "ARCHITECTURE.md lists gone, which is no crate of the workspace",
                "mirror imports debug, which ARCHITECTURE.md does not allow",
                "ARCHITECTURE.md says mirror imports model; it does not",
                "new is not in the table of ARCHITECTURE.md",
            ]
        );
    }
}
