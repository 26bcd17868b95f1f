//! Verifies the OpenPGP signature of an index.
//!
//! Takes the text and the keys; answers with the signed part only, so that nothing unsigned can be
//! used by mistake. Trust comes from the key files alone: no web of trust, no key server.
//!
//! # Rules
//! - At least one signature by a trusted, unexpired, unrevoked key must be right.
//! - A wrong signature by a trusted key refuses, even beside a right one.
//! - Signatures of keys that are not trusted count for nothing.
//! - Hashes weaker than SHA-256 count for nothing.

use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use pgp::composed::{CleartextSignedMessage, Deserializable as _, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::Signature;
use pgp::types::KeyDetails;

use crate::Error;
use crate::sources::{SignedBy, configuration_files};

/// Trusted keys, each one primary key with its subkeys.
#[derive(Debug)]
pub struct Keys(Vec<SignedPublicKey>);

impl Keys {
    /// Reads the keys of `signed_by`, or those that the host below `root` trusts for any source.
    ///
    /// # Errors
    /// [`Error::NoKey`] when a named file has no readable key, or there is no key at all.
    pub fn load(signed_by: &SignedBy, root: &Utf8Path, release: &str) -> Result<Self, Error> {
        let no_key = |problem: String| Error::NoKey { release: release.to_owned(), problem };
        let mut keys = Vec::new();
        for path in &signed_by.files {
            keys.extend(read_keys(path).map_err(|problem| no_key(format!("{path}: {problem}")))?);
        }
        if let Some(text) = &signed_by.inline {
            keys.extend(parse_keys(text.as_bytes()).map_err(&no_key)?);
        }
        if signed_by.files.is_empty() && signed_by.inline.is_none() {
            for path in trusted_files(root)? {
                match read_keys(&path) {
                    Ok(found) => keys.extend(found),
                    Err(problem) => tracing::debug!(%path, problem, "skipped a keyring"),
                }
            }
        }
        if !signed_by.fingerprints.is_empty() {
            keys.retain(|key| signed_by.fingerprints.iter().any(|wished| is_named(key, wished)));
        }
        if keys.is_empty() {
            return Err(no_key("no keyring holds one".to_owned()));
        }
        Ok(Self(keys))
    }
}

/// The signed text of `document` (an `InRelease`), if its signature is right at time `now`.
///
/// # Errors
/// [`Error::Signature`] naming `release` and what is wrong.
pub fn verify(
    document: &str,
    keys: &Keys,
    now: SystemTime,
    release: &str,
) -> Result<String, Error> {
    let refuse = |problem: String| Error::Signature { release: release.to_owned(), problem };
    let (message, _) = CleartextSignedMessage::from_string(document)
        .map_err(|error| refuse(format!("it is not a signed document: {error}")))?;
    let text = message.signed_text();
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let mut good = 0;
    let mut problems = Vec::new();
    for signature in message.signatures() {
        match judge(signature, &text, &keys.0, now) {
            Verdict::Good => good += 1,
            Verdict::Bad => return Err(refuse("a signature does not match its text".to_owned())),
            Verdict::Unusable(problem) => problems.push(problem),
        }
    }
    if good == 0 {
        problems.sort();
        problems.dedup();
        let problems = if problems.is_empty() {
            "it has no signature".to_owned()
        } else {
            problems.join(", ")
        };
        return Err(refuse(problems));
    }
    Ok(text.replace("\r\n", "\n"))
}

enum Verdict {
    Good,
    Bad,
    Unusable(String),
}

fn judge(signature: &Signature, text: &str, keys: &[SignedPublicKey], now: u64) -> Verdict {
    let strong = [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];
    if !signature.hash_alg().is_some_and(|hash| strong.contains(&hash)) {
        return Verdict::Unusable("signed with a weak hash".to_owned());
    }
    for key in keys {
        let Some(component) = component_that_made(signature, key) else {
            continue;
        };
        if let Err(problem) = usable(key, component, now) {
            return Verdict::Unusable(problem);
        }
        let right = match component {
            None => signature.verify(key, text.as_bytes()),
            Some(subkey) => signature.verify(&key.public_subkeys[subkey], text.as_bytes()),
        };
        let expires = signature.signature_expiration_time().map_or(0, |d| u64::from(d.as_secs()));
        let created = signature.created().map_or(0, |t| u64::from(t.as_secs()));
        return match right {
            Ok(()) if expires != 0 && created + expires < now => {
                Verdict::Unusable("the signature has expired".to_owned())
            }
            Ok(()) => Verdict::Good,
            Err(_) => Verdict::Bad,
        };
    }
    let ids: Vec<String> =
        signature.issuer_key_id().iter().map(|id| format!("{id}").to_uppercase()).collect();
    Verdict::Unusable(format!("signed by a key that is not trusted ({})", ids.join(" ")))
}

/// `Some(None)`: the primary key; `Some(Some(i))`: that subkey; `None`: not this key.
fn component_that_made(signature: &Signature, key: &SignedPublicKey) -> Option<Option<usize>> {
    if made_by(signature, &key.primary_key) {
        return Some(None);
    }
    key.public_subkeys.iter().position(|subkey| made_by(signature, &subkey.key)).map(Some)
}

fn made_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (fingerprint, id) = (key.fingerprint(), key.legacy_key_id());
    signature.issuer_fingerprint().iter().any(|seen| **seen == fingerprint)
        || signature.issuer_key_id().iter().any(|seen| **seen == id)
}

/// Whether the key, and the subkey if one signed, is neither revoked nor expired, and may sign.
fn usable(key: &SignedPublicKey, subkey: Option<usize>, now: u64) -> Result<(), String> {
    let name = format!("key {:X}", key.fingerprint());
    let revoked = |signature: &Signature| signature.verify_key(&key.primary_key).is_ok();
    if key.details.revocation_signatures.iter().any(revoked) {
        return Err(format!("{name} is revoked"));
    }
    let users = key.details.users.iter().flat_map(|user| &user.signatures);
    let own = users.chain(&key.details.direct_signatures).filter(|s| made_by(s, &key.primary_key));
    if expired(u64::from(key.primary_key.created_at().as_secs()), own, now) {
        return Err(format!("{name} has expired"));
    }
    let Some(subkey) = subkey.map(|index| &key.public_subkeys[index]) else {
        return Ok(());
    };
    subkey
        .verify_bindings(&key.primary_key)
        .map_err(|error| format!("{name}: its subkey is not bound: {error}"))?;
    let revocation = Some(pgp::packet::SignatureType::SubkeyRevocation);
    if subkey.signatures.iter().any(|signature| signature.typ() == revocation) {
        return Err(format!("a subkey of {name} is revoked"));
    }
    if !subkey.signatures.iter().any(|signature| signature.key_flags().sign()) {
        return Err(format!("the subkey of {name} may not sign"));
    }
    if expired(u64::from(subkey.key.created_at().as_secs()), subkey.signatures.iter(), now) {
        return Err(format!("a subkey of {name} has expired"));
    }
    Ok(())
}

/// Whether the newest self-signature that speaks of it says that the key has expired.
fn expired<'a>(created: u64, signatures: impl Iterator<Item = &'a Signature>, now: u64) -> bool {
    let newest =
        signatures.max_by_key(|signature| signature.created().map_or(0, |time| time.as_secs()));
    let lifetime =
        newest.and_then(Signature::key_expiration_time).map_or(0, |d| u64::from(d.as_secs()));
    lifetime != 0 && created + lifetime < now
}

fn is_named(key: &SignedPublicKey, fingerprint: &str) -> bool {
    let is = |found: String| found == fingerprint;
    is(format!("{:X}", key.fingerprint()))
        || key.public_subkeys.iter().any(|s| is(format!("{:X}", s.key.fingerprint())))
}

/// The keyrings that apt trusts for sources without `Signed-By`.
fn trusted_files(root: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Error> {
    let mut files = configuration_files(&root.join("etc/apt/trusted.gpg.d"), &["gpg", "asc"])?;
    files.push(root.join("etc/apt/trusted.gpg"));
    files.retain(|path| path.is_file());
    Ok(files)
}

fn read_keys(path: &Utf8Path) -> Result<Vec<SignedPublicKey>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let keys = parse_keys(&bytes)?;
    if keys.is_empty() { Err("it holds no key".to_owned()) } else { Ok(keys) }
}

/// Keys in binary form, or in any number of text blocks. Keys of unknown kinds are left out.
fn parse_keys(bytes: &[u8]) -> Result<Vec<SignedPublicKey>, String> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let mut keys = Vec::new();
    let mut add = |block: &[u8]| -> Result<(), pgp::errors::Error> {
        let (found, _) = SignedPublicKey::from_reader_many_buf(block)?;
        keys.extend(found.filter_map(Result::ok));
        Ok(())
    };
    let parsed = match std::str::from_utf8(bytes) {
        Ok(text) if text.contains(BEGIN) => text
            .split(BEGIN)
            .skip(1)
            .try_for_each(|block| add(format!("{BEGIN}{block}").as_bytes())),
        _ => add(bytes),
    };
    parsed.map_err(|error| error.to_string())?;
    Ok(keys)
}
