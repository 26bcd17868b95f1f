//! `slapos.cookbook:certificate_authority`, a service that signs certificates with OpenSSL, and `:certificate_authority.request`,
//! a service that starts when it has one.
//!
//! In: `ca-dir`, `requests-directory`, `ca-private`, `ca-certs`, `ca-newcerts`, `openssl-binary`, `wrapper`, and the
//! fields of the subject `country-code`, `state`, `city`, `company`, `email`.
//! A request is a file *sha512 of the name* in the folder of requests: `[certificate]` with `name`, `key_file` and
//! `certificate_file`. Authority and certificates are made once and outlive their parts.

mod request;

use camino::{Utf8Path, Utf8PathBuf};

use super::script::quote;
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Result};
use crate::files::{Keep, Mode};

pub(super) static KINDS: [Kind; 2] = [
    Kind::new(&["slapos.cookbook:certificate_authority"], make),
    Kind::new(&["slapos.cookbook:certificate_authority.request"], request::make),
];

struct Authority {
    directory: Utf8PathBuf,
    configuration: String,
    wrapper: Utf8PathBuf,
    script: String,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let mut path = |option: &str| -> Result<Utf8PathBuf, Stop> {
        let text = scope.required(option)?;
        Ok(scope.path(&text))
    };
    let directory = path("ca-dir")?;
    let (private, new) = (path("ca-private")?, path("ca-newcerts")?);
    let (requests, wrapper) = (path("requests-directory")?, path("wrapper")?);
    let openssl = scope.required("openssl-binary")?;
    let key = private.join("cakey.pem");
    let configuration = configuration(scope, &directory, &key, &new)?;
    let script = script(openssl.trim(), &directory, &key, &requests);
    Ok(Box::new(Authority { directory, configuration, wrapper, script }))
}

/// What OpenSSL is told. The odd default of `state` is what all authorities out there were made with: another one
/// would no longer sign for them.
fn configuration(
    scope: &mut Scope<'_, '_>,
    directory: &Utf8Path,
    key: &Utf8Path,
    new: &Utf8Path,
) -> Result<String, Stop> {
    let mut subject = |option: &str, otherwise: &str| -> Result<String, Stop> {
        let text = scope.text(option)?.unwrap_or_else(|| otherwise.to_owned());
        match text.trim().contains('\n') {
            false => Ok(text.trim().to_owned()),
            true => {
                Err(scope.fault(option, Code::BadOption, "a field of a subject is one line").into())
            }
        }
    };
    Ok(format!(
        "[ca]\ndefault_ca = authority\n\n\
         [authority]\ndatabase = {directory}/index.txt\nserial = {directory}/serial\n\
         crlnumber = {directory}/crlnumber\ncertificate = {directory}/cacert.pem\nprivate_key = {key}\n\
         new_certs_dir = {new}\nunique_subject = no\npreserve = no\ndefault_days = 3650\n\
         default_crl_days = 30\ndefault_md = sha256\npolicy = policy\nx509_extensions = signed\n\n\
         [policy]\ncountryName = match\nstateOrProvinceName = match\norganizationName = match\n\
         organizationalUnitName = optional\ncommonName = supplied\nemailAddress = optional\n\n\
         [req]\ndefault_bits = 2048\nstring_mask = utf8only\ndistinguished_name = subject\n\
         x509_extensions = v3_ca\n\n\
         [subject]\ncountryName = country\ncountryName_value = {}\nstateOrProvinceName = state\n\
         stateOrProvinceName_value = {}\nlocalityName = city\nlocalityName_value = {}\n\
         0.organizationName = company\n0.organizationName_value = {}\ncommonName = name\n\
         commonName_max = 64\nemailAddress = email\nemailAddress_value = {}\n\n\
         [signed]\nbasicConstraints = CA:FALSE\nsubjectKeyIdentifier = hash\n\
         authorityKeyIdentifier = keyid,issuer\n\n\
         [v3_ca]\nbasicConstraints = CA:true\nsubjectKeyIdentifier = hash\n\
         authorityKeyIdentifier = keyid:always,issuer\n",
        subject("country-code", "XX")?,
        subject("state", "('State',)")?,
        subject("city", "City")?,
        subject("company", "Company")?,
        subject("email", "xx@example.com")?,
    ))
}

/// The service. Keys and certificates appear under their names when they are complete: others wait for them.
fn script(openssl: &str, directory: &Utf8Path, key: &Utf8Path, requests: &Utf8Path) -> String {
    format!(
        "#!/bin/sh -e\n# Makes the authority once, then signs what is requested.\numask 077\n\
         ssl() {{ {openssl} \"$@\"; }}\n\
         configuration={configuration}\nkey={key}\ncertificate={certificate}\n\n\
         authority() {{\n  \
         test -e \"$key\" && test -e \"$certificate\" && return\n  \
         echo \"Certificate Authority $(date +%s)-$$\" | ssl req -utf8 -nodes -config \"$configuration\" -new \\\n    \
         -sha256 -x509 -extensions v3_ca -days 10950 -keyout \"$key.new\" -out \"$certificate.new\"\n  \
         mv \"$key.new\" \"$key\"\n  mv \"$certificate.new\" \"$certificate\"\n}}\n\n\
         field() {{ sed -n \"s/^$1 *= *//p\" \"$2\"; }}\n\n\
         sign() {{\n  \
         name=$(field name \"$1\") its_key=$(field key_file \"$1\") its_certificate=$(field certificate_file \"$1\")\n  \
         test -n \"$name\" && test -n \"$its_key\" && test -n \"$its_certificate\" || return 0\n  \
         test -e \"$its_key\" && test -e \"$its_certificate\" && return\n  \
         printf '%s\\n' \"$name\" | ssl req -config \"$configuration\" -nodes -new -sha256 -days 3650 \\\n    \
         -keyout \"$its_key.new\" -out \"$its_certificate.csr\"\n  \
         ssl ca -batch -config \"$configuration\" -out \"$its_certificate.new\" -infiles \"$its_certificate.csr\"\n  \
         rm \"$its_certificate.csr\"\n  \
         mv \"$its_key.new\" \"$its_key\"\n  mv \"$its_certificate.new\" \"$its_certificate\"\n  \
         echo \"signed a certificate for $name\"\n}}\n\n\
         while :; do\n  authority\n  for request in {requests}/*; do\n    \
         test -f \"$request\" && sign \"$request\"\n  done\n  sleep 1\ndone\n",
        openssl = quote(openssl),
        configuration = quote(directory.join("openssl.cnf").as_str()),
        key = quote(key.as_str()),
        certificate = quote(directory.join("cacert.pem").as_str()),
        requests = quote(requests.as_str()),
    )
}

impl Recipe for Authority {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        for (name, text) in [("crlnumber", "01"), ("serial", "01"), ("index.txt", "")] {
            let path = self.directory.join(name);
            if !work.exists(&path) {
                work.write_unrecorded(&path, text.as_bytes(), Mode::Plain, Keep::Durable)?;
            }
        }
        let path = self.directory.join("openssl.cnf");
        work.write_unrecorded(&path, self.configuration.as_bytes(), Mode::Plain, Keep::Renewable)?;
        work.write(&self.wrapper, self.script.as_bytes(), Mode::Exact(0o700))
    }
}
