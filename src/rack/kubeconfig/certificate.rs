//! Certificates in kubeconfigs: base64, PEM, what is in them, and how long they last.
//!
//! No clock: the caller says what time it is.

use jiff::Timestamp;
use x509_parser::pem::Pem;

/// What can be said of a certificate without trusting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub ends: Timestamp,
    /// `O=system:masters, CN=system:admin`.
    pub subject: String,
    /// The first eight bytes of the SHA-256 of the certificate, in hex: enough to tell two apart.
    pub fingerprint: String,
}

/// Whole days until `ends`, rounded down; negative when it is over.
pub fn days_left(ends: Timestamp, now: Timestamp) -> i64 {
    ends.duration_since(now).as_secs().div_euclid(86_400)
}

/// Decodes base64 by wrapping it as PEM, which the certificate parser decodes anyway: no crate for three lines.
pub fn base64(data: &str) -> Option<Vec<u8>> {
    let wrapped = format!(
        "-----BEGIN DATA-----\n{}\n-----END DATA-----\n",
        data.trim()
    );
    let pem = Pem::iter_from_buffer(wrapped.as_bytes()).next()?.ok()?;
    Some(pem.contents)
}

/// When the first certificate of a PEM text ends.
pub fn certificate_end(pem: &[u8]) -> Option<Timestamp> {
    first(pem).map(|it| it.ends)
}

/// The first certificate of a PEM text.
pub fn first(pem: &[u8]) -> Option<Certificate> {
    let first = blocks(pem).next()?;
    let certificate = first.parse_x509().ok()?;
    Some(Certificate {
        ends: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
        subject: certificate.subject().to_string(),
        fingerprint: fingerprint(&first.contents),
    })
}

/// Fingerprints of all certificates of a PEM text, sorted: two bundles with the same ones are the same authority.
pub fn fingerprints(pem: &[u8]) -> Vec<String> {
    let mut all: Vec<String> = blocks(pem)
        .map(|block| fingerprint(&block.contents))
        .collect();
    all.sort();
    all.dedup();
    all
}

fn blocks(pem: &[u8]) -> impl Iterator<Item = Pem> {
    Pem::iter_from_buffer(pem)
        .filter_map(Result::ok)
        .filter(|block| block.label == "CERTIFICATE")
}

fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let first = digest.as_ref().iter().take(8);
    let first = first.fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    format!("{first:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_negative_when_it_is_over() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (ends, days) in [(86_400, 1), (86_399, 0), (0, 0), (-1, -1), (-86_401, -2)] {
            assert_eq!(days_left(at(ends), at(0)), days, "{ends}");
        }
    }

    #[test]
    fn a_certificate_tells_its_end_and_itself_from_others() {
        let made = |year| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::default();
            params.not_after = rcgen::date_time_ymd(year, 2, 3);
            params.self_signed(&key).unwrap().pem()
        };
        let (one, two) = (made(2030), made(2031));
        let read = first(one.as_bytes()).unwrap();
        assert_eq!(read.ends.to_string(), "2030-02-03T00:00:00Z");
        assert_eq!(read.fingerprint.len(), 16);
        let both = format!("{one}{two}");
        let turned = format!("{two}# a comment\n{one}");
        assert_eq!(
            fingerprints(both.as_bytes()),
            fingerprints(turned.as_bytes())
        );
        assert_ne!(fingerprints(one.as_bytes()), fingerprints(two.as_bytes()));
        assert_eq!(first(b"no certificate"), None);
        assert_eq!(base64("aGk=").unwrap(), b"hi");
        assert_eq!(base64("%%%"), None);
    }
}
