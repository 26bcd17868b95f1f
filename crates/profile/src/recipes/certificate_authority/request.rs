//! A request for a certificate.
//!
//! In: `requests-directory`, `ca-private`, `ca-certs`, `name` (the section's), `key-file`, `cert-file`, `executable`,
//! `wrapper`; with `key-content` and `cert-content` these are used, and nothing is requested or started.

use std::io::Write as _;
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha512};

use super::super::Recipe;
use super::super::script::Script;
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::{Keep, Mode};

struct Request {
    name: String,
    /// Where the authority puts key and certificate.
    made: [Utf8PathBuf; 2],
    /// The links to them.
    links: [Utf8PathBuf; 2],
    origin: Origin,
}

enum Origin {
    /// The authority makes them; then the wrapper goes on.
    Requested { request: Utf8PathBuf, wrapper: Utf8PathBuf, executable: String },
    /// Key and certificate, as somebody gave them.
    Given([String; 2]),
}

pub(super) fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let mut path = |option: &str| -> Result<Utf8PathBuf, Stop> {
        let text = scope.required(option)?;
        Ok(scope.path(&text))
    };
    let (private, public) = (path("ca-private")?, path("ca-certs")?);
    let links = [path("key-file")?, path("cert-file")?];
    let name = scope.text("name")?.unwrap_or_else(|| scope.name().to_owned());
    if name.contains('\n') {
        return Err(scope.fault("name", Code::BadOption, "the name has more than one line").into());
    }
    let hash = HEXLOWER.encode(&Sha512::digest(&name));
    let origin = match (scope.text("key-content")?, scope.text("cert-content")?) {
        (Some(key), Some(certificate)) => {
            let openssl = scope.text("openssl-binary")?.unwrap_or_else(|| "openssl".to_owned());
            let given = [key, certificate];
            fit(openssl.trim(), &given).map_err(|error| scope.place(error, "cert-content"))?;
            Origin::Given(given)
        }
        _ => {
            let folder = scope.required("requests-directory")?;
            let wrapper = scope.required("wrapper")?;
            Origin::Requested {
                request: scope.path(&folder).join(&hash),
                wrapper: scope.path(&wrapper),
                executable: scope.required("executable")?.trim().to_owned(),
            }
        }
    };
    let made = [private.join(format!("{hash}.key")), public.join(format!("{hash}.crt"))];
    Ok(Box::new(Request { name, made, links, origin }))
}

/// Refuses a certificate that is not of the key.
fn fit(openssl: &str, [key, certificate]: &[String; 2]) -> Result<()> {
    let of_key = ask(openssl, &["pkey", "-pubout"], key)?;
    let of_certificate = ask(openssl, &["x509", "-noout", "-pubkey"], certificate)?;
    if of_key == of_certificate {
        return Ok(());
    }
    Err(Error::new(Code::BadOption, "the certificate is not made for the key"))
}

/// What OpenSSL makes of a text; the text may be secret and is told through a pipe.
fn ask(openssl: &str, arguments: &[&str], text: &str) -> Result<Vec<u8>> {
    let failed = |source: std::io::Error| Error::io("run", openssl, &source);
    let mut child = Command::new(openssl)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not want to hear it ends with an error, which is told below.
        drop(stdin.write_all(text.as_bytes()));
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let what = if arguments[0] == "pkey" { "key" } else { "certificate" };
    Err(Error::new(Code::BadOption, format!("the given {what} cannot be read by {openssl}")))
}

impl Recipe for Request {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        match &self.origin {
            Origin::Given(given) => {
                for (path, text) in self.made.iter().zip(given) {
                    work.write_unrecorded(
                        path,
                        text.as_bytes(),
                        Mode::Exact(0o600),
                        Keep::Durable,
                    )?;
                }
            }
            Origin::Requested { request, wrapper, executable } => {
                let [key, certificate] = &self.made;
                let text = format!(
                    "[certificate]\nname = {}\nkey_file = {key}\ncertificate_file = {certificate}\n\n",
                    self.name
                );
                work.write_unrecorded(request, text.as_bytes(), Mode::Plain, Keep::Renewable)?;
                let script = Script {
                    wait_for: vec![certificate.clone(), key.clone()],
                    ..Script::of([executable])
                };
                work.write(wrapper, script.text().as_bytes(), Mode::Exact(0o700))?;
            }
        }
        for (link, target) in self.links.iter().zip(&self.made) {
            work.link(link, target)?;
        }
        Ok(())
    }
}
