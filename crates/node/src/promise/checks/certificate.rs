//! Looks at a certificate.

use camino::Utf8Path;
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_cert::{Certificate, der::Decode};

use super::{Outcome, below, shown};
use crate::{clock, files::read_below};

/// A file of certificates or keys is not longer.
const PEM_BYTES_MAX: usize = 1 << 20;
const DAY_S: u64 = 24 * 60 * 60;

/// Whether the certificate is good for `days` more, and is the key's. Both lie in the partition.
pub(super) fn is_good(
    partition: &Utf8Path,
    certificate: &Utf8Path,
    key: Option<&Utf8Path>,
    days: u32,
) -> Outcome {
    let read = |path: &Utf8Path| -> Result<Vec<u8>, String> {
        read_below(partition, below(partition, path)?, PEM_BYTES_MAX)
            .map_err(|error| error.to_string())
    };
    let name = shown(certificate);
    let loaded = read(certificate).and_then(|pem| load(&pem));
    let (der, not_after_s) = loaded
        .map_err(|error| format!("ERROR Problem loading certificate {name}, error: {error}"))?;
    if not_after_s < clock::now_unix_seconds() + u64::from(days) * DAY_S {
        return Err(format!("ERROR Certificate {name} will expire in less than {days} days"));
    }
    let Some(key) = key else {
        return Ok(format!("OK Certificate {name} is ok, no key provided"));
    };
    let key_name = shown(key);
    match read(key).and_then(|pem| fits(&pem, der)) {
        Ok(true) => Ok(format!("OK Certificate {name} and key {key_name} are ok")),
        Ok(false) => Err(format!("ERROR Certificate {name} does not match key {key_name}")),
        Err(error) => Err(format!("ERROR Problem loading key {key_name}, error: {error}")),
    }
}

/// The first certificate of a file, and the second since 1970 from which on it is no longer good.
fn load(pem: &[u8]) -> Result<(CertificateDer<'static>, u64), String> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| "Invalid PEM encoding".to_owned())?;
    let parsed = Certificate::from_der(&der).map_err(|error| error.to_string())?;
    let end = parsed.tbs_certificate.validity.not_after.to_unix_duration();
    Ok((der, end.as_secs()))
}

fn fits(pem: &[u8], certificate: CertificateDer<'static>) -> Result<bool, String> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| error.to_string())?;
    let key = any_supported_type(&key).map_err(|error| error.to_string())?;
    match CertifiedKey::new(vec![certificate], key).keys_match() {
        Ok(()) => Ok(true),
        Err(rustls::Error::InconsistentKeys(_)) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_certificate_is_good_or_the_message_says_why_not() {
        let directory = tempfile::tempdir().unwrap();
        let partition = Utf8Path::from_path(directory.path()).unwrap();
        for (name, days) in [("long", "100"), ("short", "3")] {
            let made = Command::new("openssl")
                .args([
                    "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=x", "-days",
                    days,
                ])
                .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")])
                .current_dir(partition)
                .output()
                .unwrap();
            assert!(made.status.success());
        }
        let long = partition.join("long.crt");
        let table = [
            (long.as_str(), Some("long.key"), 15, Ok("and key 'long.key' are ok")),
            ("long.crt", None, 15, Ok("OK Certificate 'long.crt' is ok, no key provided")),
            (
                "long.crt",
                None,
                200,
                Err("ERROR Certificate 'long.crt' will expire in less than 200 days"),
            ),
            ("short.crt", None, 15, Err("will expire in less than 15 days")),
            ("short.crt", None, 1, Ok("is ok")),
            (
                "long.crt",
                Some("short.key"),
                15,
                Err("ERROR Certificate 'long.crt' does not match key 'short.key'"),
            ),
            ("long.crt", Some("no.key"), 15, Err("ERROR Problem loading key 'no.key', error: ")),
            (
                "long.key",
                None,
                15,
                Err("ERROR Problem loading certificate 'long.key', error: Invalid PEM encoding"),
            ),
            ("no.crt", None, 15, Err("ERROR Problem loading certificate 'no.crt', error: ")),
        ];
        for (certificate, key, days, expected) in table {
            let seen = is_good(partition, certificate.into(), key.map(Into::into), days);
            let ((Ok(seen), Ok(part)) | (Err(seen), Err(part))) = (&seen, expected) else {
                panic!("{certificate} {key:?} {days}: {seen:?}");
            };
            assert!(seen.contains(part), "{seen} lacks {part}");
        }
    }
}
