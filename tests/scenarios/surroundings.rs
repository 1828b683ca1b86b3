//! What comes out: which instance a key likely belongs to, what else must be rotated, where it is deployed.

use super::support::{MAIN, audit, env, list, text};
use crate::common::fixture::Repo;
use crate::common::run::Audit;
use crate::common::secrets::{Alphabet, Padding, base64, live_key, publishable_key, test_key};

fn live_publishable(host: &str) -> String {
    format!("pk_{}_{}", "live", base64(format!("{host}$").as_bytes(), Alphabet::Standard, Padding::Full))
}

const HOST: &str = "happy-cat-1.clerk.accounts.dev";

#[test]
fn a_publishable_key_in_the_same_file_names_the_instance() {
    //  A (.env: publishable key, secret key)   main
    let (key, publishable) = (test_key(1901), publishable_key(HOST));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("web/.env", Some(&format!("PK={publishable}\n{}", env(&key))))], "A");
    let found = audit(&mut repo).complete();
    let instance = &found.only(&key)["instance"];
    assert_eq!((text(&instance["frontend_api"]), text(&instance["publishable_key"])), (HOST, publishable.as_str()));
    assert_eq!(instance["dashboard_url"], serde_json::Value::Null);
    let evidence = text(&instance["evidence"]);
    assert!(evidence.contains("likely") && evidence.contains("web/.env:1"), "{evidence}");
}

#[test]
fn a_publishable_key_in_the_same_folder_is_the_next_best() {
    //  A (web/.env: secret key; web/.env.public: publishable key; other/.env: another publishable key)   main
    let key = test_key(1902);
    let mut repo = Repo::bare();
    let (near, far) = (publishable_key(HOST), publishable_key("far-dog-2.clerk.accounts.dev"));
    repo.commit_on(
        MAIN,
        &[("web/.env", Some(&env(&key))), ("web/.env.public", Some(&near)), ("other/.env", Some(&far))],
        "A",
    );
    let found = audit(&mut repo).complete();
    let instance = &found.only(&key)["instance"];
    assert_eq!(text(&instance["frontend_api"]), HOST);
    assert!(text(&instance["evidence"]).contains("same directory"), "{instance}");
    assert_eq!(instance["alternatives"], serde_json::json!([]));
}

#[test]
fn a_publishable_key_of_another_environment_or_commit_is_no_evidence() {
    //  A (.env: live secret key, test publishable key) ── B (.env gone, pk: live publishable key)   main
    let key = live_key(1903);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&format!("{}\n{}", publishable_key(HOST), env(&key))))], "A");
    repo.commit_on(MAIN, &[(".env", None), ("pk", Some(&live_publishable("clerk.example.com")))], "B");
    let found = audit(&mut repo).complete();
    assert_eq!(found.only(&key)["instance"], serde_json::Value::Null);
}

#[test]
fn two_candidates_are_both_told() {
    //  A (.env: two live publishable keys and a live secret key)   main
    let key = live_key(1904);
    let mut repo = Repo::bare();
    let hosts = ["clerk.one.example", "clerk.two.example"];
    let content = format!("{}\n{}\n{}", live_publishable(hosts[0]), live_publishable(hosts[1]), env(&key));
    repo.commit_on(MAIN, &[(".env", Some(&content))], "A");
    let found = audit(&mut repo).complete();
    let instance = &found.only(&key)["instance"];
    let mut told = vec![text(&instance["frontend_api"])];
    told.extend(list(&instance["alternatives"]).map(|other| text(&other["frontend_api"])));
    told.sort_unstable();
    assert_eq!(told, hosts);
    for format in ["text", "markdown"] {
        let shown = Audit::new(&["history", "--format", format]).and(repo.path()).run().text();
        assert!(hosts.iter().all(|host| shown.contains(host)), "{shown}");
    }
}

/// What Clerk's keyless mode writes, with an address of the dashboard.
fn keyless(key: &str, address: &str) -> String {
    format!(
        "{{\"publishableKey\":\"{}\",\"secretKey\":\"{key}\",\"claimUrl\":\"https://dashboard.clerk.com/apps/claim?token=clmtok123456789\",\"apiKeysUrl\":\"{address}\"}}\n",
        publishable_key(HOST)
    )
}

fn dashboard(app: &str, instance: &str) -> String {
    format!("https://dashboard.clerk.com/apps/{app}/instances/{instance}/api-keys")
}

#[test]
fn the_dashboard_address_of_keyless_mode_is_rebuilt_and_the_claim_is_never_printed() {
    //  A (.clerk/.tmp/keyless.json)   main
    let key = test_key(1905);
    let address = dashboard("app_2abcDEF", "ins_2ghiJKL");
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".clerk/.tmp/keyless.json", Some(&keyless(&key, &address)))], "A");
    let found = audit(&mut repo).complete();
    let instance = &found.only(&key)["instance"];
    assert_eq!((text(&instance["dashboard_url"]), text(&instance["frontend_api"])), (address.as_str(), HOST));
    assert_eq!(found.only(&key)["siblings"], serde_json::json!([]), "an address of the dashboard is no credential");
    for format in ["text", "json", "jsonl", "markdown"] {
        let shown = Audit::new(&["history", "-v", "--format", format]).and(repo.path()).run().text();
        assert!(shown.contains(&address), "{format}");
        assert!(!shown.contains("claim?") && !shown.contains("clmtok"), "{format}: a claim address is never printed");
    }
}

#[test]
fn a_hostile_dashboard_address_leads_nobody_anywhere() {
    //  A (keyless.json with an address that is not exactly Clerk's)   main
    let good = dashboard("app_2abc", "ins_2def");
    for address in [
        good.replace("dashboard.clerk.com", "dashboard.clerk.com.evil.example"),
        good.replace("dashboard.clerk.com", "dashboard.clerk.com@evil.example"),
        good.replace("https://", "https://evil.example/?to=https://"),
        good.replace("https://", "http://"),
        good.replace("/api-keys", "/api-keys/../../../evil"),
        good.replace("/api-keys", "/api-keys?next=https://evil.example"),
        good.replace("/api-keys", "/api-keys#@evil.example"),
        good.replace("/api-keys", "/domains"),
        good.replace("app_2abc", "app_2abc/../app_evil"),
        good.replace("app_2abc", "app_2%61bc"),
        good.replace("app_2abc", "app_"),
        good.replace("clerk.com", "c\u{43b}erk.com"),
        format!("{good}\",\"again\":\"{}", dashboard("app_other", "ins_other")),
        good.replace("dashboard.clerk.com", "dashboard.clerk.com:8443"),
    ] {
        let key = test_key(1906);
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[(".clerk/.tmp/keyless.json", Some(&keyless(&key, &address)))], "A");
        let found = audit(&mut repo).complete();
        assert_eq!(found.only(&key)["instance"]["dashboard_url"], serde_json::Value::Null, "{address}");
        for format in ["text", "markdown", "json"] {
            let shown = Audit::new(&["history", "-v", "--format", format]).and(repo.path()).run().text();
            assert!(!shown.contains("evil") && !shown.contains("app_"), "{address} in {format}: {shown}");
        }
    }
}

#[test]
fn a_frontend_host_is_text_and_never_a_link() {
    //  A (.env: a publishable key whose host is somebody else's)   main
    let key = test_key(1907);
    let mut repo = Repo::bare();
    let content = format!("{}\n{}", publishable_key("login.evil.example"), env(&key));
    repo.commit_on(MAIN, &[(".env", Some(&content))], "A");
    repo.finish();
    for format in ["text", "markdown"] {
        let shown = Audit::new(&["history", "-v", "--format", format]).and(repo.path()).run().text();
        assert!(shown.contains("login.evil.example"));
        assert!(!shown.contains("://login.evil.example") && !shown.contains("](") && !shown.contains("<login"));
    }
}

#[test]
fn a_key_of_another_length_is_no_sibling_of_itself() {
    //  A (.env: the key and a database)   main
    let key = format!("sk_{}_{}", "test", crate::common::secrets::alphanumerics(1912, 36));
    let mut repo = Repo::bare();
    let content = format!("{}DATABASE_URL=postgres://shop:pass@db.example.test/shop\n", env(&key));
    repo.commit_on(MAIN, &[(".env", Some(&content))], "A");
    let found = audit(&mut repo).complete();
    let names: Vec<&str> = list(&found.only(&key)["siblings"]).map(|one| text(&one["name"])).collect();
    assert_eq!(names, ["DATABASE_URL"]);
}

#[test]
fn siblings_are_told_by_name_and_never_by_value() {
    //  A (.env: the key and five other credentials)   main
    let key = live_key(1908);
    let values = [
        format!("sk_{}_{}", "live", crate::common::secrets::alphanumerics(1909, 24)),
        format!("whsec_{}", crate::common::secrets::alphanumerics(1910, 32)),
        "postgres://shop:hunter2pass@db.example.test/shop".to_owned(),
        crate::common::secrets::alphanumerics(1911, 40),
    ];
    let content = format!(
        "STRIPE_SECRET_KEY={}\nCLERK_WEBHOOK_SIGNING_SECRET={}\n{}DATABASE_URL=\"{}\"\nGITHUB_TOKEN: '{}'\nPORT=3000\nNODE_ENV=production\n",
        values[0],
        values[1],
        env(&key),
        values[2],
        values[3]
    );
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&content))], "A");
    let found = audit(&mut repo).complete();
    let siblings: Vec<(&str, &str, u64)> = list(&found.only(&key)["siblings"])
        .map(|one| (text(&one["name"]), text(&one["path"]), one["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        siblings,
        [
            ("CLERK_WEBHOOK_SIGNING_SECRET", ".env", 2),
            ("DATABASE_URL", ".env", 4),
            ("GITHUB_TOKEN", ".env", 5),
            ("STRIPE_SECRET_KEY", ".env", 1)
        ]
    );
    for format in ["text", "markdown", "json", "jsonl"] {
        let shown = Audit::new(&["history", "-v", "--format", format]).and(repo.path()).run().text();
        for value in &values {
            assert!(!shown.contains(value.as_str()) && !shown.contains("hunter2"), "{format}");
        }
    }
}

#[test]
fn consumers_are_where_this_repository_deploys_the_variable() {
    //  A (.env +, a workflow, a compose file, wrangler.toml, a test that is no deployment)   main
    let key = live_key(1912);
    let mut repo = Repo::bare();
    let workflow = "on: push\nenv:\n  CLERK_SECRET_KEY: ${{ secrets.CLERK_SECRET_KEY }}\n";
    repo.commit_on(
        MAIN,
        &[
            (".env", Some(&env(&key))),
            (".github/workflows/deploy.yml", Some(workflow)),
            ("docker-compose.yml", Some("services:\n  web:\n    environment:\n      - CLERK_SECRET_KEY\n")),
            ("worker/wrangler.toml", Some("# needs MY_CLERK_SECRET_KEY_2\n")),
            ("src/auth.ts", Some("process.env.CLERK_SECRET_KEY\n")),
        ],
        "A",
    );
    let found = audit(&mut repo).complete();
    let of = found.only(&key);
    let consumers: Vec<(&str, &str, u64)> = list(&of["consumers"])
        .map(|one| (text(&one["name"]), text(&one["path"]), one["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        consumers,
        [("Docker Compose", "docker-compose.yml", 4), ("GitHub Actions", ".github/workflows/deploy.yml", 3)]
    );
    assert_eq!(of["variables"], serde_json::json!(["CLERK_SECRET_KEY"]));
}

#[test]
fn of_several_publishable_keys_in_a_file_the_nearest_names_the_instance() {
    //  A (.env: two instances one below the other, each with its pair of live keys)   main
    let keys = [live_key(1931), live_key(1932)];
    let hosts = ["clerk.aaa.example", "clerk.zzz.example"];
    let pair = |at: usize| format!("PK={}\n{}", live_publishable(hosts[at]), env(&keys[at]));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&format!("{}\n\n\n{}", pair(0), pair(1))))], "A");
    let found = audit(&mut repo).complete();
    for (key, host) in keys.iter().zip(hosts) {
        assert_eq!(text(&found.key(key)["instance"]["frontend_api"]), host);
    }
}

#[test]
fn of_two_publishable_keys_as_far_away_the_one_above_names_the_instance() {
    //  A (.env: two instances without a line between, each with its pair of live keys)   main
    let keys = [live_key(1933), live_key(1934)];
    let hosts = ["clerk.zzz.example", "clerk.aaa.example"];
    let pair = |at: usize| format!("PK{at}={}\nSK{at}={}\n", live_publishable(hosts[at]), keys[at]);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&format!("{}{}", pair(0), pair(1))))], "A");
    let found = audit(&mut repo).complete();
    for (key, host) in keys.iter().zip(hosts) {
        assert_eq!(text(&found.key(key)["instance"]["frontend_api"]), host);
    }
}

/// A compose file that hands the variable of the secret key on.
const COMPOSE: &str = "services:\n  web:\n    environment:\n      - CLERK_SECRET_KEY=${CLERK_SECRET_KEY}\n";

#[test]
fn a_variable_that_code_reads_from_the_environment_is_deployed_by_its_own_name() {
    //  A (a.js, a compose file)   main
    for code in [
        "process.env.CLERK_SECRET_KEY || '{key}'",
        "env.CLERK_SECRET_KEY:{key}",
        "import.meta.env.CLERK_SECRET_KEY ?? \"{key}\"",
        "os.environ[\"CLERK_SECRET_KEY\"] = \"{key}\"",
        "ENV['CLERK_SECRET_KEY'] || '{key}'",
        "os.Setenv(\"CLERK_SECRET_KEY\", \"{key}\")",
        "Deno.env.get(\"CLERK_SECRET_KEY\") ?? \"{key}\"",
    ] {
        let key = live_key(1935);
        let mut repo = Repo::bare();
        let code = code.replace("{key}", &key);
        repo.commit_on(MAIN, &[("a.js", Some(&code)), ("docker-compose.yml", Some(COMPOSE))], "A");
        let found = audit(&mut repo).complete();
        let of = found.only(&key);
        assert_eq!(of["variables"], serde_json::json!(["CLERK_SECRET_KEY"]), "{code}");
        let consumers: Vec<&str> = list(&of["consumers"]).map(|one| text(&one["name"])).collect();
        assert_eq!(consumers, ["Docker Compose"], "{code}");
    }
}

#[test]
fn what_is_no_name_of_a_variable_is_not_told_to_be_deployed() {
    //  A (a file that has the key behind something)   main
    for before in ["Authorization: Bearer ", "Clerk-Secret-Key: ", "value: ", "JSON.stringify('", "secretKey: '"] {
        let key = live_key(1936);
        let mut repo = Repo::bare();
        repo.commit_on(
            MAIN,
            &[("a.txt", Some(&format!("{before}{key}\n"))), ("docker-compose.yml", Some(COMPOSE))],
            "A",
        );
        let found = audit(&mut repo).complete();
        assert_eq!(list(&found.only(&key)["consumers"]).count(), 1, "{before}");
        let shown = Audit::new(&["history", "--format", "markdown"]).and(repo.path()).run().text();
        assert!(shown.contains("everywhere that has the old one, as `CLERK_SECRET_KEY`."), "{before}: {shown}");
    }
}

#[test]
fn a_webhook_secret_is_not_deployed_where_the_secret_key_is() {
    //  A (a.js: a webhook's secret; a compose file)   main
    let secret = format!(
        "whsec_{}",
        base64(b"\x91\x03\xc7\x5eabcdZY98765432$%\xf0\x0d\x17\xa9", Alphabet::Standard, Padding::Full)
    );
    let mut repo = Repo::bare();
    let code = format!("export const clerk = {{ clerkWebhookSecret: '{secret}' }}\n");
    repo.commit_on(MAIN, &[("a.js", Some(&code)), ("docker-compose.yml", Some(COMPOSE))], "A");
    let found = audit(&mut repo).complete();
    let key = found.key(&secret);
    assert_eq!((text(&key["kind"]), &key["consumers"]), ("webhook_secret", &serde_json::json!([])));
}

#[test]
fn siblings_of_a_key_in_utf_16_are_told() {
    //  A (.env in UTF-16 with a mark, as PowerShell writes it)   main
    let key = live_key(1938);
    let mut repo = Repo::bare();
    let content = format!("{}DATABASE_URL=postgres://shop:pass@db.example.test/shop\r\n", env(&key));
    let blob = repo.blob([&[0xff, 0xfe][..], &crate::common::secrets::utf16le(&content)].concat());
    let files = [(b".env".to_vec(), (crate::common::fixture::objects::Mode::File, blob))];
    repo.commit_files(MAIN, files.into(), &[], "A");
    let found = audit(&mut repo).complete();
    let siblings: Vec<(&str, u64)> =
        list(&found.only(&key)["siblings"]).map(|one| (text(&one["name"]), one["line"].as_u64().unwrap())).collect();
    assert_eq!(siblings, [("DATABASE_URL", 2)]);
}
