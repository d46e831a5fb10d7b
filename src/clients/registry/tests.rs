//! Headers and manifests as registries send them, good and bad.

use super::manifest::{self, Manifest};
use super::*;

#[test]
fn challenges_are_read_in_every_order() {
    let gitlab = r#"Bearer realm="https://git.lan/jwt/auth",service="container_registry",scope="repository:a:pull",error="invalid_token""#;
    assert_eq!(
        Challenge::parse(gitlab),
        Some(Challenge::Bearer {
            realm: "https://git.lan/jwt/auth".to_owned(),
            service: "container_registry".to_owned(),
        })
    );
    assert_eq!(
        Challenge::parse("Basic realm=\"x\""),
        Some(Challenge::Basic)
    );
    for wrong in [
        "",
        "Bearer",
        "Bearer realm=\"file:///etc/passwd\"",
        "Bearer realm=\"https://x",
        "Negotiate",
    ] {
        assert_eq!(Challenge::parse(wrong), None, "{wrong}");
    }
    let address = challenge::with_query("https://a/b?c=1", "x y", "repository:a/b:pull");
    assert_eq!(
        address,
        "https://a/b?c=1&service=x%20y&scope=repository:a/b:pull"
    );
}

#[test]
fn papers_and_caches_are_no_platforms() {
    let index = r#"{"schemaVersion":2,"manifests":[
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:a","platform":{"os":"linux","architecture":"arm64"}},
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:b","platform":{"os":"unknown","architecture":"unknown"}},
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:c","platform":{"os":"linux","architecture":"arm"},
         "annotations":{"vnd.docker.reference.type":"attestation-manifest"}}]}"#;
    let Ok(Manifest::Index(entries)) = manifest::read("", index.as_bytes()) else {
        panic!("an index");
    };
    let papers: Vec<bool> = entries.iter().map(|it| it.is_paper).collect();
    assert_eq!(papers, [false, true, true]);
    assert!(!manifest::is_cache(&entries));
    let cache = r#"{"manifests":[{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"sha256:a"}]}"#;
    let Ok(Manifest::Index(entries)) = manifest::read("", cache.as_bytes()) else {
        panic!("an index");
    };
    assert!(manifest::is_cache(&entries));
}

#[test]
fn what_is_no_manifest_says_what_it_is() {
    for (kind, body, expected) in [
        ("text/html", "<html>", "a web page came"),
        ("", "{\"manifests\":[", "it ended in the middle"),
        ("application/x", "{}", "is no image"),
        ("", "[]", "it is no manifest"),
    ] {
        let said = manifest::read(kind, body.as_bytes()).unwrap_err();
        assert!(said.contains(expected), "{body}: {said}");
    }
    let old = r#"{"schemaVersion":1,"architecture":"arm"}"#;
    let read = manifest::read("", old.as_bytes()).unwrap();
    assert!(matches!(read, Manifest::Schema1(it) if it.to_string() == "linux/arm/v7"));
}

#[test]
fn only_registries_of_this_machine_are_spoken_to_plainly() {
    for (registry, root) in [
        ("docker.io", "https://registry-1.docker.io"),
        ("reg.lan:5000", "https://reg.lan:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("localhost", "http://localhost"),
        ("127.0.0.1.evil.example", "https://127.0.0.1.evil.example"),
    ] {
        assert_eq!(root_of(registry), root);
    }
}

#[test]
fn a_login_does_not_print_its_secret() {
    let login = Login {
        user: "x".to_owned(),
        password: Secret::new("gldt-secret"),
        hosts: Vec::new(),
    };
    assert!(!format!("{login:?}").contains("gldt"));
}
