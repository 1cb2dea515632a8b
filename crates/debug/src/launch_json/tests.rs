//! Texts before and after.

use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::{LaunchJsonError, upsert};

fn entry(port: u16) -> Value {
    json!({
        "name": "R",
        "type": "debugpy",
        "connect": { "host": "127.0.0.1", "port": port },
        "pathMappings": [{ "localRoot": "/l", "remoteRoot": "/r" }],
    })
}

fn check(before: &str, after: &str) {
    let changed = upsert(before, &entry(20001)).unwrap();
    assert_eq!(changed, after);
    assert_eq!(upsert(&changed, &entry(20001)).unwrap(), after, "a second time");
}

#[test]
fn an_empty_file_becomes_a_whole_one() {
    for empty in ["", " \n", "\u{feff}"] {
        let text = upsert(empty, &entry(20001)).unwrap();
        assert_eq!(text.starts_with('\u{feff}'), empty.starts_with('\u{feff}'));
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        assert_eq!(value, json!({ "version": "0.2.0", "configurations": [entry(20001)] }));
        assert!(text.contains("\n    \"version\""));
    }
}

#[test]
fn it_is_appended_in_the_style_of_the_file() {
    check(
        "// mine\n{\n\t\"version\": \"0.2.0\",\n\t\"configurations\": [\n\t\t{\"name\":  \"A\",   \"x\":1,}, // a\n\t\t/* b */\n\t]\n}\n",
        "// mine\n{\n\t\"version\": \"0.2.0\",\n\t\"configurations\": [\n\t\t{\"name\":  \"A\",   \"x\":1,}, // a\n\t\t{\n\t\t\t\"name\": \"R\",\n\t\t\t\"type\": \"debugpy\",\n\t\t\t\"connect\": {\n\t\t\t\t\"host\": \"127.0.0.1\",\n\t\t\t\t\"port\": 20001,\n\t\t\t},\n\t\t\t\"pathMappings\": [\n\t\t\t\t{\n\t\t\t\t\t\"localRoot\": \"/l\",\n\t\t\t\t\t\"remoteRoot\": \"/r\",\n\t\t\t\t},\n\t\t\t],\n\t\t},\n\t\t/* b */\n\t]\n}\n",
    );
}

#[test]
fn carriage_returns_stay_and_are_used() {
    let before = "{\r\n  \"configurations\": [\r\n    { \"name\": \"A\" }\r\n  ]\r\n}\r\n";
    let after = upsert(before, &entry(20001)).unwrap();
    assert!(after.starts_with(
        "{\r\n  \"configurations\": [\r\n    { \"name\": \"A\" },\r\n    {\r\n      \"name\": \"R\",\r\n"
    ));
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
}

#[test]
fn an_entry_is_updated_in_place_and_keeps_what_the_user_added() {
    check(
        "{\n  \"configurations\": [\n    {\n      // why\n      \"name\": \"R\", // me\n      \"type\": \"python\",\n      \"django\": true, /* !! */\n      \"port\": 5678,\n      \"connect\": { \"port\": 1, \"host\": \"127.0.0.1\" },\n      \"pathMappings\": [{ \"localRoot\": \"/l\", \"remoteRoot\": \"/r\" }]\n    },\n    {\"name\":\"Z\"}\n  ]\n}",
        "{\n  \"configurations\": [\n    {\n      // why\n      \"name\": \"R\", // me\n      \"type\": \"debugpy\",\n      \"django\": true, /* !! */\n      \"connect\": { \"port\": 20001, \"host\": \"127.0.0.1\" },\n      \"pathMappings\": [{ \"localRoot\": \"/l\", \"remoteRoot\": \"/r\" }]\n    },\n    {\"name\":\"Z\"}\n  ]\n}",
    );
}

#[test]
fn the_mappings_of_the_user_stay() {
    let file = |mappings: &str| {
        format!(
            "{{\"configurations\": [{{\"name\": \"R\", \"type\": \"debugpy\", \"connect\": {{\"host\": \"127.0.0.1\", \"port\": 20001}}, \"pathMappings\": [{mappings}]}}]}}"
        )
    };
    for (before, after) in [
        // The same remote folder with a variable of the editor.
        (
            r#"{"localRoot": "${workspaceFolder}", "remoteRoot": "/r"}"#,
            r#"{"localRoot": "${workspaceFolder}", "remoteRoot": "/r"}"#,
        ),
        // The project has moved.
        (r#"{"localRoot": "/old", "remoteRoot": "/r"}"#, r#"{"localRoot": "/l", "remoteRoot": "/r"}"#),
        (r#"{"localRoot": "/old", "remoteRoot": "/older"}"#, r#"{"localRoot": "/l", "remoteRoot": "/r"}"#),
        // A special case before the general one.
        (
            r#"{"localRoot": "/s", "remoteRoot": "/special"}, {"localRoot": "/l", "remoteRoot": "/x"}"#,
            r#"{"localRoot": "/s", "remoteRoot": "/special"}, {"localRoot": "/l", "remoteRoot": "/r"}"#,
        ),
    ] {
        check(&file(before), &file(after));
    }
}

#[test]
fn of_several_mappings_the_order_is_kept_and_those_of_the_user_come_first() {
    let wanted = json!({
        "name": "R",
        "pathMappings": [{ "localRoot": "/l/in", "remoteRoot": "/in" }, { "localRoot": "/l", "remoteRoot": "/r" }],
    });
    for (before, expected) in [
        (json!([]), json!([["/l/in", "/in"], ["/l", "/r"]])),
        (json!([["/l", "/r"]]), json!([["/l/in", "/in"], ["/l", "/r"]])),
        (json!([["${workspaceFolder}", "/r"]]), json!([["/l/in", "/in"], ["${workspaceFolder}", "/r"]])),
        (json!([["/l", "/r"], ["/s", "/special"]]), json!([["/s", "/special"], ["/l/in", "/in"], ["/l", "/r"]])),
    ] {
        let pair = |pair: &Value| json!({ "localRoot": pair[0], "remoteRoot": pair[1] });
        let mappings: Vec<Value> = before.as_array().unwrap().iter().map(pair).collect();
        let text = json!({"configurations": [{ "name": "R", "pathMappings": mappings }]}).to_string();
        let after = upsert(&text, &wanted).unwrap();
        let value: Value = serde_json::from_str(&after).unwrap();
        let mappings = value["configurations"][0]["pathMappings"].as_array().unwrap();
        let found: Value = mappings.iter().map(|one| json!([one["localRoot"], one["remoteRoot"]])).collect();
        assert_eq!(found, expected);
        assert_eq!(upsert(&after, &wanted).unwrap(), after, "the second time nothing changes");
    }
}

#[test]
fn a_missing_list_is_made() {
    for before in ["{}", "{\n    \"version\": \"0.2.0\"\n}\n", "// nothing yet\n{\n}\n", "// only a comment\n"] {
        let after = upsert(before, &entry(20001)).unwrap();
        assert_eq!(after.matches("\"R\"").count(), 1, "{after}");
        for line in before.lines().filter(|line| line.starts_with("//")) {
            assert!(after.contains(line));
        }
    }
}

#[test]
fn comments_after_the_last_entry_stay_on_their_lines() {
    let before = "{\n  \"configurations\": [\n    { \"name\": \"A\" } // last\n    // end\n  ]\n}\n";
    let after = upsert(before, &entry(20001)).unwrap();
    assert!(after.contains("{ \"name\": \"A\" }, // last\n    {\n"), "{after}");
    assert!(after.ends_with("    }\n    // end\n  ]\n}\n"), "{after}");
}

#[test]
fn what_does_not_parse_is_told_with_its_place() {
    let place = |text: &str| {
        let LaunchJsonError { line, column, .. } = upsert(text, &entry(20001)).unwrap_err();
        (line, column)
    };
    assert_eq!(place("{\n  \"configurations\": [\n    {\"name\" \"A\"}\n  ]\n}"), (3, 13));
    assert_eq!(place("{\n  \"configurations\": {}\n}"), (2, 21));
    assert_eq!(place("\n[]"), (2, 1));
    assert_eq!(place("{\"configurations\": [\n  {\"name\": \"R\"},\n  {\"name\": \"R\"}]}"), (3, 3));
    for broken in [
        "{",
        "{\"configurations\": [",
        "{\"configurations\": [] ",
        "{'a': 1}",
        "{\"a\": 1 \"b\": 2}",
        "{} {}",
        "nonsense",
    ] {
        assert!(upsert(broken, &entry(20001)).is_err(), "{broken}");
    }
}

/// A piece of white space or a comment.
fn trivia() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", " ", "\n", "\n  ", "\t", "\r\n\t", " // c\n", "/* d */", " /* e\n */ "])
        .prop_map(String::from)
}

/// An entry with trivia at each place that may have some.
fn written_entry() -> impl Strategy<Value = String> {
    (prop::sample::select(vec!["A", "B", "R x", "é"]), prop::collection::vec(trivia(), 5), any::<bool>()).prop_map(
        |(name, t, comma)| {
            let comma = if comma { "," } else { "" };
            format!("{{{}\"name\"{}:{}\"{name}\"{},\"k\": [1, {{}}]{comma}{}}}", t[0], t[1], t[2], t[3], t[4])
        },
    )
}

proptest! {
    #[test]
    fn every_other_entry_stays_byte_for_byte(
        entries in prop::collection::vec(written_entry(), 0..4),
        between in prop::collection::vec(trivia(), 12),
        trailing in any::<bool>(),
    ) {
        let mut text = format!("{}{{{}\"configurations\"{}:{}[", between[0], between[1], between[2], between[3]);
        for (index, entry) in entries.iter().enumerate() {
            let comma = if index + 1 < entries.len() || trailing { "," } else { "" };
            text += &format!("{}{entry}{}{comma}", between[4 + index], between[8]);
        }
        text += &format!("{}]{}}}{}", between[9], between[10], between[11]);
        let changed = upsert(&text, &entry(20001)).unwrap();
        let mut rest = changed.as_str();
        for entry in &entries {
            let at = rest.find(entry.as_str());
            prop_assert_eq!(at.is_some(), true, "{} is not in {}", entry, changed);
            rest = &rest[at.unwrap() + entry.len()..];
        }
        for comment in ["// c", "/* d */", "/* e\n */"] {
            prop_assert_eq!(text.matches(comment).count(), changed.matches(comment).count(), "{} -> {}", text, changed);
        }
        prop_assert_eq!(upsert(&changed, &entry(20001)).unwrap(), changed);
    }
}
