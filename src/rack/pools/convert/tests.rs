//! Conversions: what comes out is taken by MetalLB, holds the same addresses, and keeps what people wrote.

use super::*;
use crate::rack::pools::finding::Verdict;

fn ask(service: &str, pool: &str) -> Asking {
    Asking {
        service: service.into(),
        pool: pool.into(),
    }
}

#[test]
fn comments_come_along() {
    let text = "# who owns what\naddress-pools:\n# the office\n- name: lan\n  protocol: layer2\n  addresses:\n  # printers\n  \
                - 10.0.0.1-10.0.0.9  # old building\n  - 10.0.0.32/28\n# rarely\n- name: dmz\n  protocol: layer2\n  auto-assign: false\n  \
                addresses: [10.0.1.0/30]\n# end\n";
    let conversion = convert(text, Form::Inner, &[]).unwrap();
    assert_eq!(
        conversion.yaml,
        "# who owns what\n# the office\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: lan\n  \
         namespace: metallb-system\nspec:\n  addresses:\n  # printers\n  - 10.0.0.1-10.0.0.9  # old building\n  - 10.0.0.32/28\n---\n\
         apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata:\n  name: l2advertisement1\n  namespace: metallb-system\n\
         spec:\n  ipAddressPools:\n  - lan\n---\n# rarely\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  \
         name: dmz\n  namespace: metallb-system\nspec:\n  addresses:\n  - 10.0.1.0/30\n  autoAssign: false\n---\n\
         apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata:\n  name: l2advertisement2\n  namespace: metallb-system\n\
         spec:\n  ipAddressPools:\n  - dmz\n# end\n"
    );
}

#[test]
fn names_become_legal_and_stay_apart() {
    for (name, legal) in [
        ("lan", "lan"),
        ("01-numbered-addresspool", "numbered-addresspool"),
        ("Capitalized-AddressPool", "capitalized-addresspool"),
        ("under_score", "under-score"),
        ("__", "pool"),
        ("über", "ber"),
    ] {
        assert_eq!(legal_name(name), legal);
    }
    assert_eq!(legal_name(&"x".repeat(99)).len(), 63);
    let text = "address-pools:\n- {name: A_b, protocol: layer2, addresses: [10.0.0.0/30]}\n- {name: a-b, protocol: layer2, addresses: [10.0.1.0/30]}\n";
    let conversion = convert(
        text,
        Form::Inner,
        &[ask("web/shop", "A_b"), ask("web/old", "gone")],
    )
    .unwrap();
    assert!(
        conversion.yaml.contains("name: a-b\n") && conversion.yaml.contains("name: a-b-2\n"),
        "{}",
        conversion.yaml
    );
    let notes = conversion.notes.join("\n");
    for said in [
        "pool A_b becomes a-b",
        "pool a-b becomes a-b-2",
        "web/shop asks for pool A_b",
        "web/old asks for pool gone",
        "forward:",
        "back:",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
}

#[test]
fn a_password_is_asked_for_and_never_written() {
    let text =
        "peers:\n- my-asn: 1\n  peer-asn: 2\n  peer-address: 10.0.0.1\n  password: hunter2\n";
    let conversion = convert(text, Form::Inner, &[]).unwrap();
    assert!(
        conversion
            .yaml
            .contains("passwordSecret:\n    name: peer1-password"),
        "{}",
        conversion.yaml
    );
    assert!(!format!("{conversion:?}").contains("hunter2"));
}

#[test]
fn what_metallb_would_refuse_is_not_converted() {
    let report = convert(
        "address-pools:\n- {name: a, protocol: l2, addresses: [10.0.0.0/30]}\n",
        Form::Inner,
        &[],
    )
    .unwrap_err();
    assert_eq!(report.verdict(), Verdict::Reject);
}
