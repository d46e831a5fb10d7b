//! Registries, against the one of the simulated GitLab: platforms, logins, and what a refusal says.

use bramble::clients::registry::{Fault, Registry};
use bramble::rack::image::Kind;
use bramble::rack::image::name::ImageName;
use bramble::sim::Gitlab as Sim;

use crate::gitlab::connected;

#[tokio::test]
async fn a_registry_tells_platforms_to_who_may_pull() {
    let sim = Sim::start().await.unwrap();
    let (gitlab, _token) = connected(&sim).await;
    let registry = gitlab.registry();
    let image = |below: &str| ImageName::parse(&format!("{}/{below}", sim.images())).unwrap();
    let checked = registry.check(&image("web:356a192b")).await.unwrap();
    let Kind::Platforms(platforms) = &checked.kind else {
        panic!("{:?}", checked.kind);
    };
    let words: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["linux/arm/v7", "linux/arm64"]);
    let revision = checked.revision.as_deref();
    assert!(revision.is_some_and(|it| it.starts_with("356a192b")));
    assert_eq!(
        checked.digests.len(),
        3,
        "the index, then its two platforms"
    );
    // The same by its digest, and each platform by its own.
    for digest in &checked.digests {
        let by_digest = image(&format!("web@{digest}"));
        assert!(registry.check(&by_digest).await.unwrap().is(digest));
    }
    let cache = registry.check(&image("web:cache")).await.unwrap();
    assert_eq!(cache.kind, Kind::BuildCache);
    let gone = registry.check(&image("web:no-such")).await.unwrap_err();
    assert_eq!(gone.fault, Fault::Missing);
    let stranger = Registry::anonymous().unwrap();
    let refused = stranger.check(&image("web:356a192b")).await.unwrap_err();
    assert_eq!(refused.fault, Fault::NoLogin);
    assert!(registry.may_pull(&image("web")).await.is_ok());
    assert!(!format!("{registry:?}").contains(sim.token()));
}
