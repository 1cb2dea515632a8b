//! Owns the tables of what a known-hosts file says. Never reads one.

use super::*;

// "key one", "key two" and so on, in base64: judging compares bytes, whatever they mean.
const ONE: &str = "a2V5IG9uZQ==";
const TWO: &str = "a2V5IHR3bw==";

fn verdict(text: &str, host: &str, port: u16) -> Verdict {
    let files = [KnownHosts { file: Path::new("known"), text }];
    judge(&files, &record_name(host, port), "ssh-ed25519", b"key one")
}

fn at(line: usize) -> Place {
    Place { file: "known".into(), line }
}

#[test]
fn a_line_speaks_of_the_hosts_that_it_names() {
    for (hosts, host, port, known) in [
        ("box", "box", 22, true),
        ("box", "BOX", 22, true),
        ("BOX", "box", 22, true),
        ("box", "box", 2222, false),
        ("[box]:2222", "box", 2222, true),
        ("[box]:2222", "box", 22, false),
        ("a,box,10.0.0.1", "10.0.0.1", 22, true),
        ("*.example", "build.example", 22, true),
        ("*.example", "example", 22, false),
        ("*.example,!bad.example", "bad.example", 22, false),
        ("!bad.example,*.example", "bad.example", 22, false),
        ("b?x", "box", 22, true),
        ("b?x", "bx", 22, false),
        ("*", "anything", 22, true),
        ("[*]:2222", "any", 2222, true),
        ("::1", "::1", 22, true),
    ] {
        let expected = if known { Verdict::Known } else { Verdict::Unknown };
        assert_eq!(verdict(&format!("{hosts} ssh-ed25519 {ONE} comment"), host, port), expected, "{hosts} {host}");
    }
}

#[test]
fn a_hashed_line_is_recognised() {
    // Made by `ssh-keygen -H` from a line for build.example.
    let hashed = line("build.example", "ssh-ed25519", b"key one", Some([7; 20]));
    assert!(hashed.starts_with("|1|BwcHBwcHBwcHBwcHBwcHBwcHBwc=|"), "{hashed}");
    assert_eq!(verdict(&hashed, "build.example", 22), Verdict::Known);
    assert_eq!(verdict(&hashed, "other.example", 22), Verdict::Unknown);
}

#[test]
fn a_changed_key_is_told_with_its_place() {
    assert_eq!(verdict(&format!("# old\n\nbox ssh-ed25519 {TWO}\n"), "box", 22), Verdict::Changed(at(3)));
    let other_type_first = format!("box ssh-rsa {TWO}\nbox ssh-ed25519 {TWO}\n");
    assert_eq!(verdict(&other_type_first, "box", 22), Verdict::Changed(at(2)));
    let only_another_type = format!("box ssh-rsa {TWO}\n");
    assert_eq!(verdict(&only_another_type, "box", 22), Verdict::Changed(at(1)));
    let one_of_several = format!("box ssh-ed25519 {TWO}\nbox ssh-ed25519 {ONE}\n");
    assert_eq!(verdict(&one_of_several, "box", 22), Verdict::Known);
}

#[test]
fn a_revoked_key_is_refused_even_when_it_is_on_record() {
    let text = format!("box ssh-ed25519 {ONE}\n@revoked * ssh-ed25519 {ONE}\n");
    assert_eq!(verdict(&text, "box", 22), Verdict::Revoked(at(2)));
    assert_eq!(verdict(&format!("@revoked * ssh-ed25519 {TWO}\n"), "box", 22), Verdict::Unknown);
}

#[test]
fn lines_that_say_nothing_of_a_plain_key_are_passed_over() {
    for text in [
        format!("@cert-authority box ssh-ed25519 {TWO}"),
        format!("# box ssh-ed25519 {TWO}"),
        "box ssh-ed25519 ???".to_owned(),
        "box".to_owned(),
        "|1|broken ssh-ed25519 a2V5IHR3bw==".to_owned(),
    ] {
        assert_eq!(verdict(&text, "box", 22), Verdict::Unknown, "{text}");
    }
}

#[test]
fn the_types_on_record_are_listed_in_order() {
    let text = format!("box ssh-rsa {ONE}\nbox ssh-ed25519 {ONE}\nbox ssh-rsa {TWO}\nother ssh-dss {ONE}\n");
    let files = [KnownHosts { file: Path::new("known"), text: &text }];
    assert_eq!(algorithms(&files, "box"), ["ssh-rsa", "ssh-ed25519"]);
}

#[test]
fn what_is_written_is_read_back() {
    let text = line(&record_name("Box", 2222), "ssh-ed25519", b"key one", None);
    assert_eq!(text, format!("[box]:2222 ssh-ed25519 {ONE}\n"));
    assert_eq!(verdict(&text, "box", 2222), Verdict::Known);
}
