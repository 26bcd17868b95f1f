//! The networkcache with the client of the Python node, `slapos.libnetworkcache`.

use std::{fs, process::Command};

use super::python;
use crate::cloud::{Cloud, Said};

const SCRIPT: &str = r#"
import io, sys
from slapos.libnetworkcache import NetworkcacheClient
url, key, certificate, other = sys.argv[1:]
base = {"download-cache-url": url + "/shacache/cache", "download-dir-url": url + "/shacache/dir",
        "upload-cache-url": url + "/shacache/cache", "upload-dir-url": url + "/shacache/dir"}
trusting = open(certificate).read()
writer = NetworkcacheClient(dict(base, **{"signature-private-key-file": key}), trusting)
content = bytes(range(256)) * 20000
first = writer.upload(io.BytesIO(b"old"), "file-urlmd5:0123", file="a.tar", version="1")
second = writer.upload(io.BytesIO(content), "file-urlmd5:0123", file="a.tar", version="2")
writer.upload(io.BytesIO(content), "file-urlmd5:0123", file="a.tar", version="2")
reader = NetworkcacheClient(dict(base), trusting)
print([entry["version"] for entry in reader.select("file-urlmd5:0123")])
print(reader.download(second).read() == content, reader.download(first).read())
stranger = NetworkcacheClient(dict(base), open(other).read())
print(list(stranger.select("file-urlmd5:0123")))
try:
    reader.download("0" * 128)
except Exception as error:
    print(getattr(error, "code", error))
"#;

#[test]
fn what_is_uploaded_and_signed_is_found_and_trusted_by_its_signer_alone() {
    let Some(python) = python() else { return };
    let cloud = Cloud::master();
    let signer = |name: &str| {
        let key = cloud.path().join(format!("{name}.key"));
        let certificate = cloud.path().join(format!("{name}.certificate"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=signer"])
            .args(["-keyout", key.as_str(), "-out", certificate.as_str()])
            .output();
        assert!(made.unwrap().status.success());
        (key, certificate)
    };
    let ((key, certificate), (_, other)) = (signer("one"), signer("other"));
    let arguments = ["-c", SCRIPT, &cloud.url, key.as_str(), certificate.as_str(), other.as_str()];
    let said = Said::from(Command::new(&python).args(arguments).output().unwrap());
    assert_eq!(said.out, "['2', '1']\nTrue b'old'\n[]\n404\n", "{}", said.err);
    let kept = fs::read_dir(cloud.path().join("master/networkcache/cache")).unwrap();
    assert_eq!(kept.count(), 2, "one file for each content, and nothing unfinished");
}
