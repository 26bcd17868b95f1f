//! Bytes as text: names of files, tags, secrets.

/// Two hexadecimal digits in lower case for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
