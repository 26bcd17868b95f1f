//! One configuration file: its settings, and where each stands.

use camino::{Utf8Path, Utf8PathBuf};
use ini::{Ini, ParseOption};

use crate::error::{Exit, Failure};

/// A configuration file and what was read of it.
pub(super) struct File {
    path: Utf8PathBuf,
    text: String,
    ini: Ini,
}

/// What the Python tools read and we have no use for: accepted without a word.
const OTHERS: &[(&str, &[&str])] = &[
    (
        "slapos",
        &["ca_file", "cert_file", "certificate_repository_path", "key_file", "master_rest_url"],
    ),
    ("slapconsole", &["cert_file", "key_file", "master_rest_url", "master_url"]),
    (
        "slapformat",
        &[
            "computer_json",
            "computer_xml",
            "create_tap",
            "interface_name",
            "ipv6_interface",
            "log_file",
        ],
    ),
];

/// The beginning of the name of a section about another master.
pub(super) const MULTIMASTER: &str = "multimaster/";

/// The settings in such a section.
const OF_MASTERS: &[&str] =
    &["ca", "cert", "computer", "key", "partition", "software_release_list"];

/// Sections of which the Python tools read all.
const OTHER_SECTIONS: &[&str] = &["networkcache"];

/// Our settings, by section.
const OURS: &[(&str, &[&str])] = &[
    (
        "slapos",
        &[
            "cache_root",
            "computer_id",
            "evaluations_max",
            "installations_max",
            "instance_root",
            "keyring",
            "master_url",
            "mirror",
            "mirror_timeout",
            "nodes",
            "partition_user",
            "python",
            "software_root",
            "software_user",
            "var_root",
        ],
    ),
    (
        "slapformat",
        &["ipv4_local_network", "ipv6_local_network", "partition_amount", "partition_base_name"],
    ),
    (
        "slapproxy",
        &["database_uri", "host", "local_software_release_root", "port", "software_product_list"],
    ),
];

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or a line of it is none of a configuration.
    pub(super) fn read(path: &Utf8Path) -> Result<Self, Failure> {
        let options = ParseOption {
            enabled_escape: false,
            enabled_indented_mutiline_value: true,
            ..ParseOption::default()
        };
        let unreadable = |place: String, why: String| {
            let chain = vec![format!("cannot read configuration file {place}"), why];
            Failure { exit: Exit::Usage, chain, hint: None }
                .hint("give another one with --cfg FILE")
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| unreadable(path.to_string(), error.to_string()))?;
        if let Some((line, number)) = text.lines().zip(1..).find(|(line, _)| is_nothing(line)) {
            let why = format!("`{line}` is neither NAME = VALUE nor a [section]");
            return Err(unreadable(format!("{path}:{number}"), why));
        }
        let ini = Ini::load_from_str_opt(&text, options)
            .map_err(|error| unreadable(format!("{path}:{}", error.line), error.msg.to_string()))?;
        Ok(Self { path: path.to_owned(), text, ini })
    }

    /// Where a section begins, or one of its settings, as `FILE:LINE`; `FILE` when it is nowhere.
    fn place(&self, section: &str, name: Option<&str>) -> String {
        let (path, mut here) = (&self.path, section.is_empty());
        for (line, number) in self.text.lines().zip(1..) {
            let begins = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            // what is indented belongs to the setting before
            let set = line.split(['=', ':']).next().map(str::trim_end);
            here = begins.map_or(here, |begins| begins.trim() == section);
            if here && (name.is_none() || begins.is_none() && set == name) {
                return format!("{path}:{number}");
            }
        }
        path.to_string()
    }

    /// The settings that nobody knows, as `[section] name (FILE:LINE)`, or `[section] (FILE:LINE)`
    /// when nobody knows even that.
    pub(super) fn unknown(&self) -> Vec<String> {
        let known = |section: &str, name: &str| {
            let listed = |table: &[(&str, &[&str])]| {
                table.iter().any(|(known, names)| *known == section && names.contains(&name))
            };
            let of_master = section.starts_with(MULTIMASTER) && OF_MASTERS.contains(&name);
            of_master || listed(OURS) || listed(OTHERS) || super::proxy::is_unused(section, name)
        };
        let mut unknown = Vec::new();
        for (section, properties) in &self.ini {
            let section = section.unwrap_or("");
            if OTHER_SECTIONS.contains(&section) {
                continue;
            }
            let named = |table: &[(&str, &[&str])]| table.iter().any(|(name, _)| *name == section);
            if !(section.is_empty()
                || section.starts_with(MULTIMASTER)
                || named(OURS)
                || named(OTHERS))
            {
                unknown.push(format!("[{section}] ({})", self.place(section, None)));
                continue;
            }
            for (name, _) in properties {
                if !known(section, name) {
                    unknown
                        .push(format!("[{section}] {name} ({})", self.place(section, Some(name))));
                }
            }
        }
        unknown
    }

    /// The names of its sections.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.ini.sections().flatten()
    }

    /// What is set, unless it is empty.
    pub(super) fn get(&self, section: &str, name: &str) -> Option<&str> {
        self.ini.get_from(Some(section), name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// What must be set.
    pub(super) fn need(&self, section: &str, name: &str) -> Result<&str, Failure> {
        self.get(section, name).ok_or_else(|| self.missing(section, name))
    }

    /// It is not set.
    pub(super) fn missing(&self, section: &str, name: &str) -> Failure {
        let place = self.place(section, None);
        Failure::new(Exit::Usage, format!("{place} does not set `{name}` in [{section}]"))
    }

    /// It breaks a rule.
    pub(super) fn wrong(
        &self,
        section: &str,
        name: &str,
        value: &str,
        rule: impl std::fmt::Display,
    ) -> Failure {
        let place = self.place(section, Some(name));
        Failure::new(Exit::Usage, format!("{place}: [{section}] {name} = {value}: {rule}"))
    }

    /// A number that may be set.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        section: &str,
        name: &str,
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.get(section, name) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| self.wrong(section, name, text, "not a number of its range"))
    }
}

/// A line that says nothing: what is indented belongs to the setting before.
fn is_nothing(line: &str) -> bool {
    let begins_with = |signs: &[char]| line.starts_with(signs);
    let is_said = begins_with(&['#', ';', '[', ' ', '\t']) || line.contains(['=', ':']);
    !line.trim().is_empty() && !is_said
}
