//! What the scripts of a plan say: git prints names of refs, and a name can have a key.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::fixture::Repo;
use crate::common::secrets::{Alphabet, Padding, base64, key_id, live_key, test_key};
use crate::{Case, MAIN, can_rewrite, git_in, hint, removed};

fn hook(repo: &Repo, name: &str, text: &str) {
    let hooks = repo.git_directory().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    std::fs::write(hooks.join(name), text).unwrap();
    std::fs::set_permissions(hooks.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn no_script_says_a_key_that_a_name_has_whether_or_not_the_server_takes_it() {
    if !can_rewrite() {
        return;
    }
    let keys = [live_key(9410), test_key(9411)];
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n")), (".env", Some(&format!("K={}\n", keys[0])))], "Base");
    repo.branch(&format!("refs/heads/fix-{}", keys[0]), MAIN);
    repo.branch(&format!("refs/tags/v-{}", keys[1]), MAIN);
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    assert_eq!(case.planned().len(), 2);
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean.\n"), "{said}");
    let publish = || case.script("1-repository/publish.sh", &[&work, repo.path()]);

    hook(&repo, "update", "#!/bin/sh\necho \"not this one: $1\"\nexit 1\n");
    let before = git_in(repo.path(), &["for-each-ref"]);
    let (code, said) = publish();
    assert!(code == Some(3) && said.contains("rejected") && said.contains("not this one: "), "{said}");
    assert!(said.contains(&format!("fix-{}", removed(&keys[0]))), "what is said is cleaned: {said}");
    assert_eq!(git_in(repo.path(), &["for-each-ref"]), before);

    hook(&repo, "update", "#!/bin/sh\nexit 0\n");
    let (code, said) = publish();
    assert!(code == Some(0) && said.contains("[deleted]") && said.contains("Published."), "{said}");
    let refs = git_in(repo.path(), &["for-each-ref", "--format=%(refname)"]);
    assert!(keys.iter().all(|key| refs.contains(&removed(key)) && !refs.contains(key)), "{refs}");
}

#[test]
fn what_fails_says_no_key_either_and_ends_with_its_own_exit() {
    if !can_rewrite() {
        return;
    }
    let key = live_key(9412);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "Base");
    repo.branch(&format!("refs/heads/fix-{key}"), MAIN);
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    // Nothing to clone at a path that has a key in it: git says the path.
    let work = case.place.path().join("work.git");
    let nowhere = case.place.path().join(format!("no-{key}"));
    let (code, said) = case.script("1-repository/commands.sh", &[&work, &nowhere]);
    assert!(code == Some(128) && said.contains(&format!("no-{}", removed(&key))), "{code:?} {said}");
    let (work, _) = case.rewrite(1);
    let (code, said) = case.script("1-repository/publish.sh", &[&work, &nowhere]);
    assert!(code == Some(128) && !said.contains("Published."), "{code:?} {said}");
    // What cleans is gone: nothing is done.
    std::fs::remove_file(case.to().join("1-repository/clerk_purge.py")).unwrap();
    for (name, arguments) in [("commands.sh", &[Path::new("other")][..]), ("publish.sh", &[&work, repo.path()])] {
        let (code, said) = case.script(&format!("1-repository/{name}"), arguments);
        assert!(code == Some(3) && said.contains("clerk_purge.py"), "{name}: {said}");
    }
    assert!(!case.place.path().join("other").exists());
    assert!(git_in(repo.path(), &["for-each-ref"]).contains(&key), "nothing is published");
}

#[test]
fn no_script_says_a_key_that_stays() {
    if !can_rewrite() {
        return;
    }
    let (key, stays, encoded, late) = (live_key(9413), live_key(9414), test_key(9415), live_key(9416));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n")), (".env", Some(&format!("K={key}\n")))], "Base");
    repo.branch(&format!("refs/heads/feature/{stays}"), MAIN);
    repo.branch(&format!("refs/tags/rel-{stays}"), MAIN);
    let spelt = base64(encoded.as_bytes(), Alphabet::UrlSafe, Padding::None);
    repo.branch(&format!("refs/tags/b/{spelt}"), MAIN);
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&["--key", &key_id(&key)]).code, Some(0));
    // No report has this one.
    repo.branch(&format!("refs/tags/late_{late}"), MAIN);
    repo.finish();
    let (work, _) = case.rewrite(1);
    hook(&repo, "post-receive", &format!("#!/bin/sh\necho \"deploys {stays}\"\n"));
    let (code, said) = case.script("1-repository/publish.sh", &[&work, repo.path()]);
    assert!(code == Some(0) && said.contains("Published."), "{said}");
    for shown in [&stays, &encoded, &late].map(|key| hint(key)) {
        assert!(said.contains(&shown), "{said}");
    }
    for key in [&stays, &encoded, &late] {
        assert!(!said.contains(&key[14..40]) && !said.contains(&spelt[8..60]), "{said}");
    }
}
