//! What the search of a HATEOAS client asks for. The queries are texts of ERP5's catalogue, of which
//! clients write four (protocol, section 11); these are understood, and nothing else. Pure.

use std::borrow::Cow;

/// A search, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Search<'a> {
    /// What is sought.
    pub(super) sought: Sought<'a>,
    /// The properties that are wanted of each.
    pub(super) wanted: Vec<&'a str>,
    /// At most so many.
    pub(super) limit: usize,
}

/// What is sought: all of a kind, or those with one property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought<'a> {
    /// Roots, which stand for their trees.
    Trees {
        /// With this title.
        title: Option<&'a str>,
    },
    /// Computers.
    Computers {
        /// With this title.
        title: Option<&'a str>,
        /// With this name.
        name: Option<&'a str>,
    },
    /// Instances, shared ones too.
    Instances {
        /// In the tree of the root with this title.
        root: Option<&'a str>,
    },
    /// Releases on computers.
    Supplies {
        /// On the computer with this name.
        computer: Option<&'a str>,
    },
}

/// A search that is none of those that clients make.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the search `{0}` is not understood")]
pub(crate) struct BadSearch(String);

type Pairs<'a> = [(Cow<'a, str>, Cow<'a, str>)];

impl<'a> Search<'a> {
    /// Reads the fields of a URL's query.
    pub(super) fn read(fields: &'a Pairs<'a>) -> Result<Self, BadSearch> {
        let named = |wanted: &'static str| {
            fields.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_ref())
        };
        let query = named("query").next().unwrap_or_default();
        let bad = || BadSearch(query.chars().take(200).collect());
        let limit = named("limit").next().map(str::parse).transpose();
        Ok(Self {
            sought: parse(query).ok_or_else(bad)?,
            // repeated, or with commas: that depends on the template that the client expanded
            wanted: named("select_list").flat_map(|list| list.split(',')).collect(),
            limit: limit.map_err(|_| bad())?.unwrap_or(usize::MAX),
        })
    }
}

/// `portal_type:TYPE AND validation_state:validated[ AND NAME:="VALUE"]`
fn parse(query: &str) -> Option<Sought<'_>> {
    let (kind, rest) = query.strip_prefix("portal_type:")?.split_once(" AND ")?;
    let rest = rest.strip_prefix("validation_state:validated")?;
    // Clients put values in quotes as they are: one with quotes in it reaches to the last.
    let condition = match rest.strip_prefix(" AND ") {
        None if rest.is_empty() => None,
        None => return None,
        Some(condition) => {
            let (name, value) = condition.split_once(":=\"")?;
            Some((name, value.strip_suffix('"')?))
        }
    };
    let value = condition.map(|(_, value)| value);
    Some(match (kind, condition.map(|(name, _)| name)) {
        (r#""Instance Tree""#, None | Some("title")) => Sought::Trees { title: value },
        (r#""Compute Node""#, Some("title")) => Sought::Computers { title: value, name: None },
        (r#""Compute Node""#, None | Some("reference")) => {
            Sought::Computers { title: None, name: value }
        }
        (r#"("Software Instance", "Slave Instance")"#, None | Some("default_specialise_title")) => {
            Sought::Instances { root: value }
        }
        (r#""Software Installation""#, None | Some("default_aggregate_reference")) => {
            Sought::Supplies { computer: value }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queries_of_clients_are_understood() {
        let computers = |title, name| Some(Sought::Computers { title, name });
        let table = [
            (r#""Instance Tree""#, "", Some(Sought::Trees { title: None })),
            (
                r#""Instance Tree""#,
                r#" AND title:="my "db" AND x""#,
                Some(Sought::Trees { title: Some(r#"my "db" AND x"#) }),
            ),
            (r#""Compute Node""#, "", computers(None, None)),
            (r#""Compute Node""#, r#" AND reference:="C""#, computers(None, Some("C"))),
            (r#""Compute Node""#, r#" AND title:="my C""#, computers(Some("my C"), None)),
            (
                r#"("Software Instance", "Slave Instance")"#,
                r#" AND default_specialise_title:="app""#,
                Some(Sought::Instances { root: Some("app") }),
            ),
            (
                r#""Software Installation""#,
                r#" AND default_aggregate_reference:="C""#,
                Some(Sought::Supplies { computer: Some("C") }),
            ),
            (r#""Person""#, "", None),
            (r#""Compute Node""#, " OR 1", None),
            (r#""Compute Node""#, r#" AND reference:=""#, None),
            (r#""Compute Node""#, r#" AND colour:="red""#, None),
        ];
        for (kind, condition, expected) in table {
            let query = format!("portal_type:{kind} AND validation_state:validated{condition}");
            assert_eq!(parse(&query), expected, "{query}");
        }
        assert_eq!(parse(""), None);
    }

    #[test]
    fn wanted_properties_come_repeated_or_with_commas() {
        let query = "portal_type:\"Compute Node\" AND validation_state:validated";
        let pair = |name: &'static str, value: &'static str| (name.into(), value.into());
        let fields = [
            ("query".into(), query.into()),
            pair("select_list", "title"),
            pair("select_list", "reference,uid"),
            pair("limit", "40"),
        ];
        let search = Search::read(&fields).unwrap();
        assert_eq!(search.wanted, ["title", "reference", "uid"]);
        assert_eq!(search.limit, 40);
    }
}
