//! Binds a program to its tree: other loader, other library path. Two edits and nothing else.
//!
//! The new texts are longer than the old ones, so a segment is appended that holds copies of the
//! program headers, the dynamic section and its strings, with the edits made there; the header then
//! points to the copies. What is in the file already is never moved, so it works for PIE and
//! non-PIE, C and Go alike. Libraries are left alone: `DT_RPATH` of the program serves them too.
//!
//! # Invariants
//! - The new segment lies in memory as far from the first one as in the file, since older kernels
//!   find the program headers that way.
//! - Patching twice with the same texts changes nothing the second time.
//!
//! Only 64-bit little-endian ELF: all of Debian's architectures that serve today but s390x and armhf.

use std::ops::Range;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_PHDR: u32 = 6;
const DT_NULL: u64 = 0;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const READ_WRITE: u32 = 6;
const SHT_NOBITS: u64 = 8;
/// Sizes of a program header, a section header, an entry of the dynamic section.
const PHDR: usize = 56;
const SHDR: usize = 64;
const DYN: usize = 16;
/// A file does not grow by more than this, which only a huge `.bss` would ask for.
const MOST_GROWTH_BYTES: u64 = 1 << 30;

/// What a dynamic executable says about its loader and libraries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Path of the loader.
    pub interpreter: String,
    /// Library path, from `DT_RPATH` or `DT_RUNPATH`; empty if it has none.
    pub library_path: String,
    has_plain_rpath: bool,
    headers: Vec<Header>,
    dynamic: Vec<(u64, u64)>,
    strings: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    align: u64,
}

impl Program {
    /// Reads a file; `None` if it is not a dynamic executable (a library, a script, a static one).
    ///
    /// # Errors
    /// What is wrong, in words, when it claims to be one but is broken or of another kind.
    pub fn read(image: &[u8]) -> Result<Option<Self>, String> {
        if !image.starts_with(b"\x7fELF") {
            return Ok(None);
        }
        if image.get(4..6) != Some(&[2, 1]) {
            return Err("only 64-bit little-endian programs can be patched".to_owned());
        }
        let headers = read_headers(image).ok_or("its program headers are broken")?;
        let find = |kind| headers.iter().find(|header| header.kind == kind);
        let (Some(interpreter), Some(dynamic)) = (find(PT_INTERP), find(PT_DYNAMIC)) else {
            return Ok(None);
        };
        let interpreter = slice(image, interpreter.offset, interpreter.file_size)
            .and_then(text)
            .ok_or("its loader's name is broken")?;
        let dynamic = slice(image, dynamic.offset, dynamic.file_size)
            .ok_or("its dynamic section is broken")?;
        let pairs = dynamic.chunks_exact(DYN).map(|pair| (word(pair, 0), word(pair, 8)));
        let dynamic: Vec<(u64, u64)> = pairs.take_while(|&(tag, _)| tag != DT_NULL).collect();
        let value = |tag| dynamic.iter().find(|pair| pair.0 == tag).map(|pair| pair.1);
        if value(DT_SONAME).is_some() {
            return Ok(None); // a library that can be started, such as libc.so.6
        }
        let strings = value(DT_STRTAB)
            .zip(value(DT_STRSZ))
            .and_then(|(address, size)| file_range(image, &headers, address, size));
        let strings = strings.ok_or("its strings are broken")?;
        let path = value(DT_RUNPATH).or(value(DT_RPATH)).map(|at| {
            let rest = usize::try_from(at).ok().and_then(|at| image[strings.clone()].get(at..));
            rest.and_then(text).ok_or("its library path is broken")
        });
        Ok(Some(Self {
            interpreter: interpreter.to_owned(),
            library_path: path.transpose()?.unwrap_or_default().to_owned(),
            has_plain_rpath: value(DT_RUNPATH).is_none(),
            headers,
            dynamic,
            strings,
        }))
    }

    /// The file with another loader and library path; `None` if it has these already.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn patched(
        &self,
        image: &[u8],
        interpreter: &str,
        library_path: &str,
    ) -> Result<Option<Vec<u8>>, String> {
        if self.has_plain_rpath
            && self.interpreter == interpreter
            && self.library_path == library_path
        {
            return Ok(None);
        }
        let strings = [&image[self.strings.clone()], library_path.as_bytes(), &[0]].concat();
        let interpreter = [interpreter.as_bytes(), &[0]].concat();
        let segment = self.new_segment(image, interpreter.len(), strings.len())?;

        let mut patched = image.to_vec();
        patched.resize(segment.file_start, 0);
        let headers = self.moved_headers(&segment);
        headers.iter().for_each(|header| header.write(&mut patched));
        patched.extend(interpreter);
        patched.resize(segment.file_start + segment.dynamic.start, 0);
        for (tag, value) in self.moved_dynamic(&segment) {
            patched.extend(tag.to_le_bytes());
            patched.extend(value.to_le_bytes());
        }
        patched.resize(segment.file_start + segment.strings.start, 0);
        patched.extend(strings);
        patched[32..40].copy_from_slice(&segment.whole.offset.to_le_bytes());
        let count = u16::try_from(headers.len()).map_err(|_| "it has too many segments")?;
        patched[56..58].copy_from_slice(&count.to_le_bytes());
        self.move_sections(&mut patched, image, &segment);
        Ok(Some(patched))
    }

    /// Where the appended segment lies, in the file and in memory, and what lies where in it.
    fn new_segment(
        &self,
        image: &[u8],
        interpreter_size: usize,
        strings_size: usize,
    ) -> Result<Segment, String> {
        let loads = || self.headers.iter().filter(|header| header.kind == PT_LOAD);
        let first = loads().next().ok_or("it has no segment")?;
        let align = loads().map(|header| header.align).max().unwrap_or(0).max(0x1000);
        let distance = first.address.checked_sub(first.offset);
        let distance = distance
            .filter(|distance| distance % align == 0)
            .ok_or("its segments are laid out unlike any that is known")?;
        let ends = loads().filter_map(|header| header.address.checked_add(header.memory_size));
        let memory_end = ends.max().unwrap_or(0).saturating_sub(distance);
        let length = image.len() as u64;
        let offset = length.max(memory_end).checked_next_multiple_of(align);
        let offset =
            offset.filter(|offset| offset - length < MOST_GROWTH_BYTES).ok_or("it is too large")?;

        let headers = 0..(self.headers.len() + 1) * PHDR;
        let interpreter = headers.end..headers.end + interpreter_size;
        let dynamic_start = interpreter.end.next_multiple_of(DYN);
        // Two tags of library paths go, one comes, and a null ends the list.
        let kept =
            self.dynamic.iter().filter(|(tag, _)| !matches!(*tag, DT_RPATH | DT_RUNPATH)).count();
        let dynamic = dynamic_start..dynamic_start + (kept + 2) * DYN;
        let strings = dynamic.end..dynamic.end + strings_size;
        let size = strings.end as u64;
        let whole = Header {
            kind: PT_LOAD,
            flags: READ_WRITE, // the loader writes into the dynamic section
            offset,
            address: offset.checked_add(distance).ok_or("it is too large")?,
            file_size: size,
            memory_size: size,
            align,
        };
        let file_start = usize::try_from(offset).map_err(|_| "it is too large")?;
        Ok(Segment { whole, file_start, headers, interpreter, dynamic, strings })
    }

    fn moved_headers(&self, segment: &Segment) -> Vec<Header> {
        let moved = |old: &Header| match old.kind {
            PT_PHDR => segment.place(&segment.headers, old),
            PT_INTERP => segment.place(&segment.interpreter, old),
            PT_DYNAMIC => segment.place(&segment.dynamic, old),
            _ => *old,
        };
        let mut headers: Vec<Header> = self.headers.iter().map(moved).collect();
        // Segments must be in the order of their addresses; ours is the last one.
        let last = headers.iter().rposition(|header| header.kind == PT_LOAD).unwrap_or(0);
        headers.insert(last + 1, segment.whole);
        headers
    }

    fn moved_dynamic(&self, segment: &Segment) -> Vec<(u64, u64)> {
        let mut dynamic = self.dynamic.clone();
        dynamic.retain(|&(tag, _)| tag != DT_RPATH && tag != DT_RUNPATH);
        for (tag, value) in &mut dynamic {
            match *tag {
                DT_STRTAB => *value = segment.whole.address + segment.strings.start as u64,
                DT_STRSZ => *value = segment.strings.len() as u64,
                _ => (),
            }
        }
        dynamic.push((DT_RPATH, self.strings.len() as u64));
        dynamic
    }

    /// Tells tools that read section headers where the copies are. Programs run without it, so
    /// section headers that are broken or absent are no error.
    fn move_sections(&self, patched: &mut [u8], image: &[u8], segment: &Segment) {
        let start_of = |kind| self.headers.iter().find(|h| h.kind == kind).map(|h| h.offset);
        let moved = [
            (start_of(PT_INTERP), &segment.interpreter),
            (start_of(PT_DYNAMIC), &segment.dynamic),
            (Some(self.strings.start as u64), &segment.strings),
        ];
        let table = usize::try_from(word(image, 40)).unwrap_or(usize::MAX);
        for number in 0..usize::from(half(image, 60)) {
            let at = table.saturating_add(number * SHDR);
            let Some(section) = image.get(at..).and_then(|rest| rest.get(..SHDR)) else {
                return;
            };
            let (kind, offset) = (word(section, 0) >> 32, word(section, 24));
            if kind == SHT_NOBITS {
                continue;
            }
            if let Some((_, part)) = moved.iter().find(|(old, _)| *old == Some(offset)) {
                let place = segment.place(part, &segment.whole);
                for (field, value) in
                    [(16, place.address), (24, place.offset), (32, place.file_size)]
                {
                    patched[at + field..at + field + 8].copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
}

/// The appended segment; the ranges are relative to its start.
struct Segment {
    whole: Header,
    file_start: usize,
    headers: Range<usize>,
    interpreter: Range<usize>,
    dynamic: Range<usize>,
    strings: Range<usize>,
}

impl Segment {
    /// The header `old`, pointing to a part of this segment.
    fn place(&self, part: &Range<usize>, old: &Header) -> Header {
        let (start, size) = (part.start as u64, part.len() as u64);
        Header {
            offset: self.whole.offset + start,
            address: self.whole.address + start,
            file_size: size,
            memory_size: size,
            ..*old
        }
    }
}

impl Header {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.kind.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        for value in
            [self.offset, self.address, self.address, self.file_size, self.memory_size, self.align]
        {
            out.extend(value.to_le_bytes());
        }
    }
}

fn read_headers(image: &[u8]) -> Option<Vec<Header>> {
    let header = image.get(..64)?;
    if usize::from(half(header, 54)) != PHDR {
        return None;
    }
    let table = slice(image, word(header, 32), u64::from(half(header, 56)) * PHDR as u64)?;
    let read = |entry: &[u8]| Header {
        kind: u32::try_from(word(entry, 0) & 0xffff_ffff).unwrap_or(0),
        flags: u32::try_from(word(entry, 0) >> 32).unwrap_or(0),
        offset: word(entry, 8),
        address: word(entry, 16),
        file_size: word(entry, 32),
        memory_size: word(entry, 40),
        align: word(entry, 48),
    };
    Some(table.chunks_exact(PHDR).map(read).collect())
}

/// Where in the file the memory at `address` comes from.
fn file_range(image: &[u8], headers: &[Header], address: u64, size: u64) -> Option<Range<usize>> {
    let holds = |header: &&Header| {
        header.kind == PT_LOAD
            && (header.address..header.address.saturating_add(header.file_size)).contains(&address)
    };
    let header = headers.iter().find(holds)?;
    let start = usize::try_from(header.offset.checked_add(address - header.address)?).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    (end <= image.len()).then_some(start..end)
}

fn slice(image: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    image.get(start..)?.get(..usize::try_from(size).ok()?)
}

/// The text before the first zero byte.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&bytes[..end]).ok()
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_patched_program_says_so_and_is_patched_once() {
        let image = own();
        let program =
            Program::read(&image).unwrap().expect("a test binary is a dynamic executable");
        let long = format!("/tree/{}/ld.so", "x".repeat(3000));
        let patched = program.patched(&image, &long, "/tree/lib:/tree/usr/lib").unwrap().unwrap();
        let again = Program::read(&patched).unwrap().unwrap();
        assert_eq!(
            (again.interpreter.as_str(), again.library_path.as_str()),
            (long.as_str(), "/tree/lib:/tree/usr/lib")
        );
        assert_eq!(again.patched(&patched, &long, "/tree/lib:/tree/usr/lib").unwrap(), None);
        assert_eq!(
            again.headers.iter().filter(|h| h.kind == PT_LOAD).count(),
            1 + program.headers.iter().filter(|h| h.kind == PT_LOAD).count()
        );
    }

    #[test]
    fn a_patched_program_runs() {
        let image = own();
        let program = Program::read(&image).unwrap().unwrap();
        let patched =
            program.patched(&image, &program.interpreter, "/nowhere/lib").unwrap().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("patched");
        std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap(); // for its permissions
        std::fs::File::options()
            .write(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &patched))
            .unwrap();
        let output = std::process::Command::new(&path).arg("--list").output().unwrap();
        assert!(
            output.status.success()
                && String::from_utf8_lossy(&output.stdout).contains("a_patched_program_runs")
        );
    }

    #[test]
    fn what_is_no_program_is_left_alone_and_what_is_broken_is_refused() {
        assert_eq!(Program::read(b"#!/bin/sh\n"), Ok(None));
        assert!(Program::read(b"\x7fELF\x01\x01").is_err());
        let image = own();
        for length in [5, 16, 63, 64, 100, 500, 900] {
            assert!(Program::read(&image[..length]).is_err(), "cut to {length} bytes");
        }
        for at in 0..image.len().min(2000) {
            let mut damaged = image[..image.len().min(100_000)].to_vec();
            damaged[at] = !damaged[at];
            if let Ok(Some(program)) = Program::read(&damaged) {
                drop(program.patched(&damaged, "/l", "/p")); // must not panic
            }
        }
    }
}
