//! Reads `apt.conf` files: nested names, the last value wins. Only reads; runs none of the hooks.

use std::collections::HashMap;

use camino::Utf8Path;

use crate::Error;
use crate::sources::{configuration_files, read_text};

/// Values of apt's configuration by lower-case full name, such as `acquire::http::proxy`.
#[derive(Debug, Default, Clone)]
pub(crate) struct AptConf(HashMap<String, String>);

impl AptConf {
    /// Reads `etc/apt/apt.conf.d/*` and then `etc/apt/apt.conf` below `root`; absent is empty.
    pub(crate) fn read(root: &Utf8Path) -> Result<Self, Error> {
        let mut conf = Self::default();
        let mut files = configuration_files(&root.join("etc/apt/apt.conf.d"), &["", "conf"])?;
        files.push(root.join("etc/apt/apt.conf"));
        for path in files {
            let text = read_text(&path)?.unwrap_or_default();
            conf.add(&text).map_err(|(line, problem)| Error::AptConfig { path, line, problem })?;
        }
        Ok(conf)
    }

    /// The value of `name` (any case), if it has one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Whether `name` is set to one of apt's words for "no".
    pub(crate) fn is_off(&self, name: &str) -> bool {
        let off = ["0", "no", "false", "without", "off", "disable"];
        self.get(name).is_some_and(|value| off.contains(&value.to_ascii_lowercase().as_str()))
    }

    /// Adds the values of one file's text; an error tells line and problem.
    fn add(&mut self, text: &str) -> Result<(), (usize, String)> {
        let mut prefixes: Vec<String> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let mut last_line = 1;
        for token in tokens(text) {
            let (line, token) = token?;
            last_line = line;
            let within = |name: &str| match prefixes.last() {
                Some(prefix) => format!("{prefix}::{name}"),
                None => name.to_owned(),
            };
            match token {
                Token::Word(word) => words.push(word),
                Token::Open => {
                    prefixes.push(within(&words.join("::")));
                    words.clear();
                }
                Token::Close => {
                    self.set(&words, within);
                    words.clear();
                    prefixes.pop().ok_or((line, "`}` without `{`".to_owned()))?;
                }
                Token::End => {
                    self.set(&words, within);
                    words.clear();
                }
            }
        }
        match prefixes.pop() {
            Some(open) => Err((last_line, format!("`{open} {{` is never closed"))),
            None => Ok(()),
        }
    }

    /// A statement of two words is a name and its value; others (list items) are nothing to us.
    fn set(&mut self, words: &[String], within: impl Fn(&str) -> String) {
        if let [name, value] = words {
            self.0.insert(within(name).to_ascii_lowercase(), value.clone());
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Open,
    Close,
    End,
}

/// Splits into words and punctuation with their lines, dropping the three kinds of comment.
fn tokens(text: &str) -> impl Iterator<Item = Result<(usize, Token), (usize, String)>> {
    let mut rest = text;
    let mut line = 1;
    std::iter::from_fn(move || {
        loop {
            let skipped = rest.len() - rest.trim_start().len();
            line += rest[..skipped].matches('\n').count();
            rest = &rest[skipped..];
            let comment = if rest.starts_with("//") || rest.starts_with('#') {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                break;
            };
            line += rest[..comment].matches('\n').count();
            rest = &rest[comment..];
        }
        let (token, length) = match rest.chars().next()? {
            '{' => (Token::Open, 1),
            '}' => (Token::Close, 1),
            ';' => (Token::End, 1),
            '"' => match rest[1..].find('"') {
                Some(end) => (Token::Word(rest[1..=end].to_owned()), end + 2),
                None => {
                    rest = "";
                    return Some(Err((line, "a quote is never closed".to_owned())));
                }
            },
            _ => {
                let ends = |c: char| c.is_whitespace() || "{};\"".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), end)
            }
        };
        let at = line;
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
        Some(Ok((at, token)))
    })
}

#[cfg(test)]
impl AptConf {
    pub(crate) fn from_text(text: &str) -> Self {
        let mut conf = Self::default();
        conf.add(text).unwrap();
        conf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_they_are_nested() {
        let conf = AptConf::from_text(
            "// a comment; with { signs\n\
             Acquire::http::Proxy \"http://one:3142/\";\n\
             acquire { HTTP { Proxy::m.example \"DIRECT\"; Timeout 30; }; Check-Valid-Until \"false\"; };\n\
             /* Acquire::http::Proxy \"http://no/\"; */ # nor this\n\
             DPkg::Post-Invoke { \"rm -f /x || true\"; };\n\
             Acquire::http::Proxy \"http://two:3142/\";",
        );
        assert_eq!(conf.get("Acquire::HTTP::proxy"), Some("http://two:3142/"));
        assert_eq!(conf.get("acquire::http::proxy::M.example"), Some("DIRECT"));
        assert_eq!(conf.get("acquire::http::timeout"), Some("30"));
        assert!(conf.is_off("Acquire::Check-Valid-Until"));
        assert!(!conf.is_off("Acquire::Other"));
    }

    #[test]
    fn broken_files_are_refused_with_their_line() {
        let table = [
            ("A {\n B \"1\";\n", 2, "never closed"),
            ("\n}", 2, "without `{`"),
            ("\n\nA \"x;", 3, "quote"),
        ];
        for (text, line, wished) in table {
            let (at, problem) = AptConf::default().add(text).unwrap_err();
            assert_eq!(at, line, "{text:?}");
            assert!(problem.contains(wished), "{text:?}: {problem}");
        }
    }
}
