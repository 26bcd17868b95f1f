//! The master's certificate authority: makes the certificates of computers, instances and persons.
//!
//! Only its own key is kept, in the data directory. The key of every other certificate is derived
//! from it and the certificate's number, so that the same number gives the same certificate and key
//! at any time, and nothing else has to be stored (`docs/decisions/0007-derived-certificates.md`).
//!
//! # Invariants
//! - A certificate is good until it is revoked: which number of a computer counts, and whether an
//!   instance still exists, is in the world, not in the certificate. Those of persons cannot be
//!   revoked yet: this master has no identities, so nobody is believed for having one.
//! - The key leaves this file only as signatures and as keys derived from it.

use std::{fmt, fs, io, os::unix::fs::PermissionsExt, path::Path};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519, SerialNumber,
    date_time_ymd, string::Ia5String,
};
use sha2::{Digest, Sha512_256};
use slapos_core::names::{ComputerId, InstanceId, PersonId, Revision};
use slapos_wire::classic::document::Certificate;

use crate::data_dir::keep;

/// Where the key is kept in the data directory.
const FILE: &str = "authority.key";
/// A private key of Ed25519 as PKCS #8: this, then the 32 bytes of its seed (RFC 8410).
const PKCS8: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

type Seed = [u8; 32];

/// The authority of one master.
pub struct Authority {
    seed: Seed,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// The authority whose key is in a directory; a new one when there is none.
    ///
    /// # Errors
    /// When the key cannot be read or kept, or the file holds none.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let seed = seed_in(text.trim()).ok_or_else(|| {
                    let why = format!("{} does not hold a key", path.display());
                    io::Error::new(io::ErrorKind::InvalidData, why)
                })?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
                Ok(Self::of(seed))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed: Seed = rand::random();
                keep(&path, &HEXLOWER.encode(&seed))?;
                Ok(Self::of(seed))
            }
            Err(error) => Err(error),
        }
    }

    fn of(seed: Seed) -> Self {
        let mut params = params("SlapOS authority", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = key_pair(&seed);
        let certificate = params.self_signed(&key).expect("the parameters are right").pem();
        Self { seed, issuer: Issuer::new(params, key), certificate }
    }

    /// The certificate of the authority itself, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The certificate of a computer that has this number, with its key.
    pub fn of_computer(&self, computer: &ComputerId, number: Revision) -> Certificate {
        self.issue(computer.as_str(), number)
    }

    /// The certificate of an instance, with its key.
    pub fn of_instance(&self, id: InstanceId) -> Certificate {
        self.issue(&id.to_string(), Revision(id.0))
    }

    /// The certificate of a person that has this number, with its key. Its name is none that a
    /// computer can have.
    pub fn of_person(&self, person: &PersonId, number: Revision) -> Certificate {
        self.issue(&format!("person:{person}"), number)
    }

    fn issue(&self, name: &str, number: Revision) -> Certificate {
        // truncated, so that one derived key tells nothing of others
        let derived = Sha512_256::new_with_prefix(self.seed);
        let derived = derived.chain_update(format!("key of {name}, number {}", number.0));
        let key = key_pair(&derived.finalize().into());
        let address = format!("{name}@slapos.invalid");
        let mut params = params(name, Some(&address));
        params.serial_number = Some(SerialNumber::from(number.0));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).expect("the parameters are right");
        // Old clients take a computer's name from such a text before the certificate.
        let text = format!(
            "Certificate:\n    Data:\n        Version: 3 (0x2)\n        Serial Number: {}\n        \
             Issuer: O=SlapOS, CN=SlapOS authority\n        \
             Subject: O=SlapOS, CN={name}/emailAddress={address}\n{}",
            number.0,
            certificate.pem()
        );
        Certificate { certificate: text, key: key.serialize_pem() }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// What all certificates have: a name, and no end of their own.
fn params(name: &str, address: Option<&str>) -> CertificateParams {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "SlapOS");
    subject.push(DnType::CommonName, name);
    if let Some(address) = address {
        let address = Ia5String::try_from(address).expect("names are ASCII");
        let kind = DnType::from_oid(&[1, 2, 840, 113_549, 1, 9, 1]);
        subject.push(kind, DnValue::Ia5String(address));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(9999, 12, 31);
    params.use_authority_key_identifier_extension = true;
    params
}

fn seed_in(text: &str) -> Option<Seed> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn key_pair(seed: &Seed) -> KeyPair {
    let der = [PKCS8, seed].concat();
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&der.into(), &PKCS_ED25519);
    key.expect("32 bytes are a key of Ed25519")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_certificate_also_after_a_restart() {
        let directory = tempfile::TempDir::new().unwrap();
        let open = || Authority::open(directory.path()).unwrap();
        let first = open().of_instance(InstanceId(7));
        let mode = fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(open().of_instance(InstanceId(7)), first);
        assert_ne!(open().of_instance(InstanceId(8)).key, first.key);
        let computer = "COMP-7".try_into().unwrap();
        assert_ne!(open().of_computer(&computer, Revision(7)).key, first.key);
        assert_eq!(open().certificate(), open().certificate());
        let other = tempfile::TempDir::new().unwrap();
        assert_ne!(Authority::open(other.path()).unwrap().of_instance(InstanceId(7)), first);
    }

    #[test]
    fn the_name_of_a_computer_is_where_old_clients_look_for_it() {
        let directory = tempfile::TempDir::new().unwrap();
        let authority = Authority::open(directory.path()).unwrap();
        let text = authority.of_computer(&"COMP-12".try_into().unwrap(), Revision(3)).certificate;
        let from = text.find("COMP-").unwrap();
        let to = from + text[from..].find("/email").unwrap();
        assert_eq!(&text[from..to], "COMP-12");
    }

    #[test]
    fn a_damaged_key_is_told_and_not_replaced() {
        let directory = tempfile::TempDir::new().unwrap();
        keep(&directory.path().join(FILE), "no key").unwrap();
        let error = Authority::open(directory.path()).unwrap_err();
        assert!(error.to_string().contains("does not hold a key"), "{error}");
    }
}
