//! What processes use: a sample of `/proc` for given roots and all that came from them.
//!
//! Reads only. The parsers are pure; [`Sampler`] is the thin reader that remembers the previous
//! sample, since a share of the processor is a difference of two.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
};

/// What the kernel says of one process in `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub pid: u32,
    /// Short name of the program, at most 15 bytes.
    pub name: String,
    /// `R`, `S`, `Z` ...
    pub state: char,
    /// Number of the parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// Processor time so far in clock ticks, user and system.
    pub ticks: u64,
    /// When it was started, in clock ticks since boot.
    pub started: u64,
    /// Resident memory in pages.
    pub resident_pages: u64,
}

impl Stat {
    /// Ended, and only waiting to be collected by its parent.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// One process of a sample.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Its number.
    pub pid: u32,
    /// The root that it came from (itself for a root).
    pub root: u32,
    /// Short name of the program.
    pub name: String,
    /// Per cent of one processor since the previous sample; since its start in the first one.
    pub cpu_percent: f64,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
}

/// Reads a line of `/proc/PID/stat`; `None` when it is no such line. The name is in parentheses
/// and may itself contain spaces and parentheses.
pub fn parse_stat(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(')')?;
    let (pid, name) = head.split_once('(')?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied(); // numbered as in proc(5)
    let value = |number: usize| field(number)?.parse::<u64>().ok();
    let small = |number: usize| u32::try_from(field(number)?.parse::<i64>().ok()?.max(0)).ok();
    Some(Stat {
        pid: pid.trim().parse().ok()?,
        name: name.to_owned(),
        state: field(3)?.chars().next()?,
        parent: small(4)?,
        group: small(5)?,
        session: small(6)?,
        ticks: value(14)?.checked_add(value(15)?)?,
        started: value(22)?,
        resident_pages: value(24)?,
    })
}

/// Every process that came from one of the roots, by number, with that root: by parent chain, and
/// by process group or session of a root, which keeps those whose parent has gone.
pub fn families(processes: &[Stat], roots: &[u32]) -> BTreeMap<u32, u32> {
    let roots: BTreeSet<u32> = roots.iter().copied().collect();
    let mut family: BTreeMap<u32, u32> = processes
        .iter()
        .filter_map(|process| {
            let root = [process.pid, process.group, process.session]
                .into_iter()
                .find(|number| roots.contains(number))?;
            Some((process.pid, root))
        })
        .collect();
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for process in processes {
        children.entry(process.parent).or_default().push(process.pid);
    }
    let mut open: Vec<(u32, u32)> = family.iter().map(|(pid, root)| (*pid, *root)).collect();
    while let Some((pid, root)) = open.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            if !family.contains_key(child) {
                family.insert(*child, root);
                open.push((*child, root));
            }
        }
    }
    family
}

/// All processes of the machine. One that ends while we read is left out.
pub fn read_processes() -> io::Result<Vec<Stat>> {
    let mut seen = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|text| text.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(text) = fs::read(format!("/proc/{pid}/stat")) else {
            continue;
        };
        seen.extend(parse_stat(&String::from_utf8_lossy(&text)));
    }
    Ok(seen)
}

/// Takes samples and remembers the last one.
#[derive(Debug, Default)]
pub struct Sampler {
    before: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    uptime: f64,
    /// Ticks by number and start time.
    ticks: BTreeMap<(u32, u64), u64>,
}

impl Sampler {
    /// Samples the given roots and all that came from them. Zombies are left out.
    pub fn sample(&mut self, roots: &[u32]) -> io::Result<Vec<Usage>> {
        let uptime = uptime()?;
        let processes = read_processes()?;
        let family = families(&processes, roots);
        let members: Vec<(&Stat, u32)> = processes
            .iter()
            .filter(|process| !process.is_zombie())
            .filter_map(|process| Some((process, *family.get(&process.pid)?)))
            .collect();
        let before = self.before.as_ref();
        let usages = members
            .iter()
            .map(|(process, root)| Usage {
                pid: process.pid,
                root: *root,
                name: process.name.clone(),
                cpu_percent: share(process, before, uptime),
                resident_bytes: process.resident_pages * page_size(),
            })
            .collect();
        let ticks = members
            .iter()
            .map(|(process, _)| ((process.pid, process.started), process.ticks))
            .collect();
        self.before = Some(Reading { uptime, ticks });
        Ok(usages)
    }
}

fn share(process: &Stat, before: Option<&Reading>, uptime: f64) -> f64 {
    let per_second = ticks_per_second();
    let earlier = before.and_then(|reading| {
        let ticks = reading.ticks.get(&(process.pid, process.started))?;
        Some((reading.uptime, *ticks))
    });
    let (since, ticks) = earlier.unwrap_or((seconds(process.started, per_second), 0));
    let passed = uptime - since;
    if passed <= 0.0 {
        return 0.0;
    }
    100.0 * seconds(process.ticks.saturating_sub(ticks), per_second) / passed
}

/// Seconds that a process has lived, from its start time in clock ticks since boot.
pub fn age_seconds(started: u64) -> io::Result<f64> {
    Ok((uptime()? - seconds(started, ticks_per_second())).max(0.0))
}

fn uptime() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/uptime")?;
    parse_uptime(&text)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable /proc/uptime"))
}

fn parse_uptime(text: &str) -> Option<f64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// Ticks are exact in a float for longer than any machine runs.
fn seconds(ticks: u64, per_second: u64) -> f64 {
    ticks as f64 / per_second as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "0 0 0 0 0 30 12 0 0 20 0 1 0 777 9999 55 0 0";

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let table = [
            ("sleep", Some("sleep")),
            ("a b", Some("a b")),
            ("x) S 9 9 (y", Some("x) S 9 9 (y")),
            ("", Some("")),
        ];
        for (name, wanted) in table {
            let line = format!("42 ({name}) S 7 40 39 0 -1 {TAIL}");
            let stat = parse_stat(&line);
            assert_eq!(stat.as_ref().map(|stat| stat.name.as_str()), wanted, "{line}");
            let stat = stat.unwrap();
            assert_eq!((stat.pid, stat.parent, stat.group, stat.session), (42, 7, 40, 39));
            assert_eq!((stat.ticks, stat.started, stat.resident_pages), (42, 777, 55));
        }
    }

    #[test]
    fn what_is_no_stat_line_is_none() {
        for text in ["", "42", "42 (sh", "42 (sh) S 1", "x (sh) S 7 40 39 0 -1 0 0"] {
            assert_eq!(parse_stat(text), None, "{text}");
        }
        assert_eq!(parse_uptime("12.5 3.0\n"), Some(12.5));
        assert_eq!(parse_uptime(""), None);
    }

    fn process(pid: u32, parent: u32, group: u32, session: u32) -> Stat {
        let line = format!("{pid} (p) S {parent} {group} {session} 0 -1 {TAIL}");
        parse_stat(&line).unwrap()
    }

    #[test]
    fn a_family_is_group_session_and_descendants() {
        let processes = [
            process(10, 1, 10, 5),   // root
            process(11, 10, 10, 5),  // child
            process(12, 11, 12, 12), // grandchild in a session of its own
            process(13, 1, 10, 5),   // orphan, still in the group
            process(14, 13, 14, 14), // child of the orphan
            process(20, 1, 20, 5),   // another root
            process(30, 1, 30, 30),  // stranger
        ];
        let wanted = [(10, 10), (11, 10), (12, 10), (13, 10), (14, 10), (20, 20)];
        assert_eq!(families(&processes, &[10, 20]), wanted.into());
        assert_eq!(families(&processes, &[]), [].into());
    }

    #[test]
    fn this_process_is_in_its_own_sample() {
        let me = std::process::id();
        let mut sampler = Sampler::default();
        for _ in 0..2 {
            let seen = sampler.sample(&[me]).unwrap();
            let mine = seen.iter().find(|usage| usage.pid == me).unwrap();
            assert!(mine.resident_bytes > 0 && mine.cpu_percent >= 0.0, "{mine:?}");
        }
    }

    #[test]
    fn a_share_is_the_difference_of_two_samples() {
        let process = Stat { ticks: 150, ..process(10, 1, 10, 10) };
        let reading = |uptime, ticks| Reading { uptime, ticks: [((10, 777), ticks)].into() };
        let second = 150 - ticks_per_second().min(100);
        assert_eq!(share(&process, Some(&reading(100.0, second)), 102.0), 50.0);
        assert_eq!(share(&process, Some(&reading(102.0, 0)), 102.0), 0.0);
    }
}
