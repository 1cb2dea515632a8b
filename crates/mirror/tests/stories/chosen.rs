//! What the user's own patterns leave out and take in.

use std::fs;

use remora_mirror::Config;

use crate::pair::{Pair, tree};

fn names(pair: &Pair) -> Vec<String> {
    tree(pair.remote.path()).into_keys().map(|path| path.display().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_include_reaches_into_a_folder_that_is_left_out_and_what_it_brings_is_followed() {
    let mut pair = Pair::new();
    pair.configure = |config: &mut Config| {
        config.policy.include = vec!["build/assets/**".into()];
        config.policy.exclude = vec!["*.tmp".into()];
        config.watch = true;
    };
    pair.write(".gitignore", "build/\n");
    for name in ["build/x.o", "build/assets/a.css", "build/assets/a.tmp", "node_modules/build/assets/x"] {
        pair.write(name, "1");
    }
    let mut running = pair.mirrored().await;
    assert_eq!(names(&pair), [".gitignore", "build", "build/assets", "build/assets/a.css"]);
    pair.write("build/assets/new/b.css", "2");
    while !running.batch().await.2.contains(&"build/assets/new/b.css".to_owned()) {}
    assert_eq!(pair.text_there("build/assets/new/b.css"), "2");
    running.mirror.saved(&pair.write("build/y.o", "1"));
    fs::remove_dir_all(pair.here("build")).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!(names(&pair), [".gitignore"], "what was brought for it goes with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_included_no_longer_stays_as_it_is() {
    let mut pair = Pair::new();
    pair.configure = |config| config.policy.include = vec!["secret".into()];
    pair.write(".gitignore", "secret\n");
    pair.write("secret", "1");
    drop(pair.mirrored().await);
    assert_eq!(pair.text_there("secret"), "1");
    pair.configure = |_| {};
    fs::remove_file(pair.here("secret")).unwrap();
    pair.mirrored().await.barrier().await.unwrap();
    assert_eq!(pair.text_there("secret"), "1");
}
