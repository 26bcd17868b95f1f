//! The master's page as a person sees it: the boxes of its services and the arrows between them.

use crate::cloud::Cloud;

/// One box, and the arrows that begin at it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) title: String,
    pub(super) state: String,
    /// Computer and partition.
    pub(super) place: String,
    /// The cells of each process: name, pid, CPU, memory.
    pub(super) processes: Vec<Vec<String>>,
    /// Class and text of each promise.
    pub(super) promises: Vec<(String, String)>,
    /// The keys on each arrow between this box and the next.
    pub(super) arrows: Vec<String>,
}

impl Shown {
    pub(super) fn pids(&self) -> Vec<&str> {
        self.processes.iter().map(|cells| cells[1].as_str()).collect()
    }
}

pub(super) fn text(cloud: &Cloud) -> String {
    ureq::get(&format!("{}/", cloud.url)).call().unwrap().body_mut().read_to_string().unwrap()
}

/// The boxes of the services, from the top to the bottom.
pub(super) fn boxes(page: &str) -> Vec<Shown> {
    let services = between(page, "<h2 id=\"services\">", "</section>").next().unwrap();
    services.split("<article class=\"instance ").skip(1).map(one).collect()
}

/// A box from within its first tag on, with what follows it.
fn one(text: &str) -> Shown {
    let (inside, after) = text.split_once("</article>").unwrap();
    let first = |from, to| between(inside, from, to).next().unwrap().to_owned();
    let rows = between(inside, "<tr><td>", "</td></tr>");
    let cells = |row: &str| row.split("</td><td>").map(str::to_owned).collect();
    let promises = between(inside, "<li class=\"", "</li>");
    Shown {
        title: first("<h3>", " <span"),
        state: first("<span class=\"state ", "\">"),
        place: first("<br>", "</p>"),
        processes: rows.map(cells).collect(),
        promises: promises
            .map(|it| it.split_once("\">").unwrap())
            .map(|(class, text)| (class.to_owned(), text.to_owned()))
            .collect(),
        arrows: between(after, "<div class=\"arrow\"><span>", "</span>")
            .map(str::to_owned)
            .collect(),
    }
}

/// What stands between each `from` and the `to` that follows it.
fn between<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(from).skip(1).map(move |rest| rest.split(to).next().unwrap_or_default())
}
