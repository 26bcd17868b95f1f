//! Makes debs, good and hostile ones.

use std::io::Write as _;

use tar::{Builder, EntryType, Header};

/// An entry of `data.tar`, written as it is, without any check.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) kind: EntryType,
    pub(crate) link: &'static str,
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
}

pub(crate) fn file(name: &'static str, content: &str) -> Entry {
    Entry { name, kind: EntryType::Regular, link: "", mode: 0o644, content: content.into() }
}

pub(crate) fn link(name: &'static str, kind: EntryType, link: &'static str) -> Entry {
    Entry { name, kind, link, mode: 0o777, content: Vec::new() }
}

/// How the data is compressed; the text is the suffix of its name.
pub(crate) const COMPRESSIONS: [&str; 4] = ["", ".gz", ".xz", ".zst"];

pub(crate) fn deb(entries: &[Entry], compression: &str) -> Vec<u8> {
    let tar = tar(entries);
    let data = match compression {
        ".gz" => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&tar).unwrap();
            encoder.finish().unwrap()
        }
        ".xz" => xz(&tar),
        ".zst" => {
            ruzstd::encoding::compress_to_vec(&tar[..], ruzstd::encoding::CompressionLevel::Fastest)
        }
        _ => tar,
    };
    let mut builder = ar::Builder::new(Vec::new());
    let data_name = format!("data.tar{compression}");
    let members: [(&str, &[u8]); 3] =
        [("debian-binary", b"2.0\n"), ("control.tar.xz", b"never read"), (&data_name, &data)];
    for (name, content) in members {
        let header = ar::Header::new(name.as_bytes().to_vec(), content.len() as u64);
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        header.as_old_mut().linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_mtime(1_000_000_000);
        header.set_size(entry.content.len() as u64);
        header.set_cksum();
        builder.append(&header, &entry.content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}
