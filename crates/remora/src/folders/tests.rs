//! Tables of what a target's folders come to. Nothing is asked of a file system.

use std::path::Path;

use remora_model::{LocalPath, Mapping, RelPath, RemotePath, Target, TransportSpec};

use super::{FolderName, folders, holder, mappings};
use crate::target_entry;

fn workspace() -> LocalPath {
    LocalPath::new("/home/me/app").unwrap()
}

/// `remote_root`, and pairs of a local and a remote folder.
fn target(remote_root: Option<&str>, pairs: &[(&str, &str)]) -> Target {
    let mapping = |(local, remote): &(&str, &str)| Mapping { local: (*local).into(), remote: (*remote).into() };
    let bare = target_entry::bare("box".into(), TransportSpec::Command(vec!["sh".into()]));
    Target { remote_root: remote_root.map(Into::into), mappings: pairs.iter().map(mapping).collect(), ..bare }
}

fn name(local: &str) -> FolderName {
    FolderName::of(&workspace(), &LocalPath::new(local).unwrap())
}

#[test]
fn a_target_mirrors_the_workspace_the_mapped_folders_or_both() {
    for (target, expected) in [
        (target(None, &[]), vec![(".", "/home/me/app", "~/remora/app")]),
        (target(Some("/srv/app"), &[]), vec![(".", "/home/me/app", "/srv/app")]),
        (target(None, &[("src", "/srv/app")]), vec![("src", "/home/me/app/src", "/srv/app")]),
        (
            target(Some("/srv/app"), &[("../lib", "~/lib"), ("/opt/data", "/data")]),
            vec![
                (".", "/home/me/app", "/srv/app"),
                ("../lib", "/home/me/lib", "~/lib"),
                ("../../../opt/data", "/opt/data", "/data"),
            ],
        ),
        (
            target(None, &[("./a/../b/", "/b"), (".", "/c")]),
            vec![("b", "/home/me/app/b", "/b"), (".", "/home/me/app", "/c")],
        ),
    ] {
        let folders = folders(&workspace(), &target).unwrap();
        let found: Vec<_> = folders
            .iter()
            .map(|folder| (folder.name.to_string(), folder.local.to_string(), folder.remote.clone()))
            .collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(name, local, remote)| (name.into(), local.into(), remote.into())).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn what_has_a_mapping_of_its_own_here_or_there_is_left_out_of_the_folder_around_it() {
    let pairs = [("src", "/elsewhere"), ("../lib", "/srv/app/vendor/lib"), ("src/deep", "/srv/app/deep/")];
    let folders = folders(&workspace(), &target(Some("/srv/app"), &pairs)).unwrap();
    let elsewhere: Vec<Vec<String>> =
        folders.iter().map(|folder| folder.elsewhere.iter().map(ToString::to_string).collect()).collect();
    let expected: [&[&str]; 4] = [&["deep", "src", "src/deep", "vendor/lib"], &["deep"], &[], &[]];
    assert_eq!(elsewhere, expected);
    let above: Vec<&[String]> = folders.iter().map(|folder| folder.above.as_slice()).collect();
    assert_eq!(above, [&[][..], &[], &["/srv/app".to_owned(), "/srv/app/vendor".to_owned()], &["/srv/app".to_owned()]]);
}

#[test]
fn mappings_that_can_not_be_told_apart_are_refused_in_one_sentence() {
    for (target, expected) in [
        (target(Some("/a"), &[("src", "b")]), "The remote root \"b\" is neither an absolute path"),
        (target(Some("/a"), &[("src", "/b"), ("./src", "/c")]), "/home/me/app/src is mapped twice, to /b and to /c"),
        (target(Some("/a"), &[("src", "/a/")]), "/home/me/app and /home/me/app/src are both mapped to /a/"),
        (
            target(Some("/a/b"), &[("src", "/a")]),
            "/home/me/app and /home/me/app/src lie in each other, one here and the other on the remote",
        ),
        (target(None, &[("~/lib", "/a")]), "the local folder ~/lib must be absolute"),
        (
            Target { transport: TransportSpec::Local, ..target(Some("/a"), &[("../lib", "/home/me/app/x")]) },
            "The remote root /home/me/app/x lies in the local root /home/me/app",
        ),
        (
            Target { transport: TransportSpec::Local, ..target(Some("/home/me/lib/x"), &[("../lib", "/b")]) },
            "The remote root /home/me/lib/x lies in the local root /home/me/lib",
        ),
    ] {
        let fault = folders(&workspace(), &target).unwrap_err();
        assert!(fault.message.contains(expected), "{}", fault.message);
    }
}

#[test]
fn a_file_is_called_as_it_is_found_from_the_workspace() {
    let path = RelPath::new("a/b.py").unwrap();
    for (folder, expected) in [
        ("/home/me/app", "a/b.py"),
        ("/home/me/app/src", "src/a/b.py"),
        ("/home/me/lib", "../lib/a/b.py"),
        ("/opt", "../../../opt/a/b.py"),
    ] {
        let name = name(folder);
        assert_eq!(name.file(&path), expected);
        assert_eq!(name.path_of(expected), Some(path.clone()));
    }
    assert_eq!(name("/home/me/app/src").path_of("source/a.py"), None);
    assert_eq!(name("/home/me/app").path_of("../lib/a.py"), None);
}

#[test]
fn a_file_belongs_to_the_innermost_folder_that_holds_it() {
    let folders = folders(&workspace(), &target(Some("/a"), &[("src", "/b"), ("../lib", "/c")])).unwrap();
    for (file, expected) in [
        ("/home/me/app/x.py", Some(("/a", "x.py"))),
        ("/home/me/app/src/x.py", Some(("/b", "x.py"))),
        ("/home/me/app/srcs/x.py", Some(("/a", "srcs/x.py"))),
        ("/home/me/lib/p/x.py", Some(("/c", "p/x.py"))),
        ("/home/me/x.py", None),
    ] {
        let found = holder(&folders, Path::new(file)).map(|(folder, path)| (folder.remote.as_str(), path.to_string()));
        assert_eq!(found, expected.map(|(remote, path)| (remote, path.to_owned())), "{file}");
    }
}

/// A debugger takes the first that fits.
#[test]
fn a_debugger_is_told_an_inner_folder_before_the_one_around_it() {
    let roots = |pairs: &[(&str, &str)]| -> Vec<_> {
        let root =
            |(local, remote): &(&str, &str)| (LocalPath::new(*local).unwrap(), RemotePath::new(*remote).unwrap());
        pairs.iter().map(root).collect()
    };
    for (given, expected) in [
        (roots(&[("/app", "/a"), ("/app/src", "/b")]), ["/b", "/a"]),
        (roots(&[("/app/src", "/b"), ("/app", "/a")]), ["/b", "/a"]),
        (roots(&[("/app", "/a"), ("/lib", "/a/lib")]), ["/a/lib", "/a"]),
        (roots(&[("/app", "/a"), ("/lib", "/ab")]), ["/a", "/ab"]),
    ] {
        let told: Vec<String> = mappings(&given).iter().map(|mapping| mapping.remote_root.to_string()).collect();
        assert_eq!(told, expected);
    }
}
