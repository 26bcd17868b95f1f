//! Hashes of passwords, in the forms that services read, under the names of Python's passlib.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::Rng as _;
use sha_crypt::{Algorithm, Params, PasswordHasher as _, ShaCrypt};
use sha1::{Digest, Sha1};

/// A new hash; `None` for a scheme that is not known. The costs are those of passlib.
pub(super) fn hash(scheme: &str, password: &str) -> Option<String> {
    match scheme {
        "sha256-crypt" => crypt(Algorithm::Sha256Crypt, 535_000, password),
        "sha512-crypt" => crypt(Algorithm::Sha512Crypt, 656_000, password),
        "bcrypt" => bcrypt::hash(password, bcrypt::DEFAULT_COST).ok(),
        "ldap-salted-sha1" => {
            let salt: [u8; 8] = rand::rng().random();
            let mut bytes =
                Sha1::new().chain_update(password).chain_update(salt).finalize().to_vec();
            bytes.extend(salt);
            Some(format!("{{SSHA}}{}", BASE64_STANDARD.encode(bytes)))
        }
        "plaintext" => Some(password.to_owned()),
        _ => None,
    }
}

/// What [`hash`] knows.
pub(super) const SCHEMES: [&str; 5] =
    ["sha256-crypt", "sha512-crypt", "bcrypt", "ldap-salted-sha1", "plaintext"];

fn crypt(algorithm: Algorithm, rounds: u32, password: &str) -> Option<String> {
    let salt: [u8; 12] = rand::rng().random(); // sixteen letters: the C library reads no more
    let hasher = ShaCrypt::new(algorithm, Params::new(rounds).ok()?);
    let hash = hasher.hash_password_with_salt(password.as_bytes(), &salt).ok()?;
    Some(hash.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha_crypt::{PasswordHash, PasswordVerifier as _};

    #[test]
    fn hashes_have_the_form_that_services_read_and_fit_their_password() {
        for (scheme, start, length) in [
            ("sha256-crypt", "$5$rounds=535000$", 17 + 16 + 1 + 43),
            ("sha512-crypt", "$6$rounds=656000$", 17 + 16 + 1 + 86),
        ] {
            let text = hash(scheme, "pass wörd").unwrap();
            assert!(text.starts_with(start) && text.len() == length, "{text}");
            let parsed = PasswordHash::new(text.as_str()).unwrap();
            assert!(ShaCrypt::default().verify_password("pass wörd".as_bytes(), &parsed).is_ok());
            assert!(ShaCrypt::default().verify_password(b"other", &parsed).is_err());
        }
        let text = hash("bcrypt", "secret").unwrap();
        assert!(text.starts_with("$2b$12$") && bcrypt::verify("secret", &text).unwrap());
        let text = hash("ldap-salted-sha1", "secret").unwrap();
        let bytes = BASE64_STANDARD.decode(text.strip_prefix("{SSHA}").unwrap()).unwrap();
        let again = Sha1::new().chain_update("secret").chain_update(&bytes[20..]).finalize();
        assert_eq!(bytes[..20], again[..]);
        for scheme in SCHEMES {
            assert!(hash(scheme, "x").is_some(), "{scheme}");
        }
        assert_eq!(hash("md4", "x"), None);
    }
}
