//! Who is let in, and what is asked for it.

use remora_testkit::sshd::{Sshd, SshdOptions};

use crate::asker::run;

#[tokio::test]
async fn a_key_lets_in_without_a_question() {
    let sshd = Sshd::start(SshdOptions::default());
    assert_eq!(run(&sshd.ssh_config(), "cat; echo there", b"here and ").await, "here and there\n");
}
