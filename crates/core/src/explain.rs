//! Why an instance is not ready: the one cause, found by following who waits for whom.
//!
//! # Invariant
//! An instance that is not as it is wished has a cause; one that is has none.

use std::time::Duration;

use crate::{
    allocate::Placement,
    names::{ComputerId, InstanceId, ReportedState, SupplyState, SupplyWish, WishedState},
    policy::Places,
    world::{AllocationScope, Instance, Place, Promise, Report, Site, Supply, World},
};

/// The one cause why an instance is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Stable name, e.g. `no-free-partition`; that of the root cause when instances wait for
    /// each other.
    pub code: &'static str,
    /// One sentence, e.g. `waits for `db`: the node of COMP-2 has not begun`.
    pub sentence: String,
    /// What its requester can do about it.
    pub hint: Option<String>,
    /// The instance where the cause lies: this one, or one that it waits for.
    pub at: InstanceId,
    /// The computer whose node has to act next, if one has.
    pub awaits: Option<ComputerId>,
}

impl Cause {
    /// The same, when the node that has to act has not been heard of for so long.
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        let Some(computer) = &self.awaits else {
            return self;
        };
        let sentence =
            format!("{}; {computer} has not been heard of for {}", self.sentence, roughly(silence));
        let hint =
            Some(format!("look whether the node of {computer} runs, and reaches the master"));
        Self { code: "node-silent", sentence, hint, ..self }
    }
}

/// A duration for a person: its largest unit only.
pub fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let (length, unit) =
        units.into_iter().find(|(length, _)| seconds >= *length).unwrap_or((1, "s"));
    format!("{} {unit}", seconds / length)
}

/// One word for the state of an instance.
pub fn state_word(world: &World, it: &Instance) -> &'static str {
    let reported = it.current_report().map(|report| report.state);
    match (it.wished, reported) {
        (WishedState::Destroyed, _) => "destroying",
        _ if it.waits() => "waiting",
        (WishedState::Stopped, _) if it.shared => "stopped",
        (WishedState::Started, _) if it.shared => match explain(world, it) {
            Some(_) => "starting",
            None => "started",
        },
        (_, Some(ReportedState::Error)) => "error",
        (WishedState::Stopped, Some(ReportedState::Stopped)) => "stopped",
        (WishedState::Stopped, _) => "stopping",
        (WishedState::Started, Some(ReportedState::Waiting)) => "waiting",
        (WishedState::Started, Some(ReportedState::Started)) if explain(world, it).is_none() => {
            "started"
        }
        (WishedState::Started, Some(ReportedState::Started)) => "error",
        (WishedState::Started, _) => match explain(world, it) {
            Some(Cause { code: "release-failed", .. }) => "error",
            _ => "starting",
        },
    }
}

/// The cause why an instance is not ready; `None` when it is as wished.
pub fn explain(world: &World, it: &Instance) -> Option<Cause> {
    follow(world, it, &[])
}

/// The cause, when these wait for the instance already: host for guest, requester for child.
fn follow(world: &World, it: &Instance, path: &[InstanceId]) -> Option<Cause> {
    if path.contains(&it.id) {
        let sentence = format!("`{}`, in the end, waits for itself", it.title);
        let hint = Some("let another instance host or request it".to_owned());
        return Some(Cause { at: it.id, ..cause("circular-wait", sentence, hint) });
    }
    let path = &[path, &[it.id]].concat();
    let host = it.host.filter(|_| it.wished != WishedState::Destroyed);
    if let Some(host) = host.and_then(|id| world.instance(id)) {
        return served(world, it, host, path);
    }
    let Some(place) = &it.place else {
        return Some(unplaced(world, it));
    };
    let computer = &place.computer;
    let say = |code, sentence: String| {
        let awaits = Some(computer.clone());
        Cause { at: it.id, awaits, ..cause(code, sentence, None) }
    };
    if it.wished == WishedState::Destroyed {
        return Some(say("being-destroyed", format!("is being destroyed on {computer}")));
    }
    let Some(report) = it.current_report() else {
        return Some(unreported(world, it, place));
    };
    let red = report.promises.iter().find(|promise| !promise.ok);
    match (it.wished, report.state) {
        (WishedState::Stopped, ReportedState::Stopped) => None,
        (_, ReportedState::Error) => Some(
            red.map_or_else(|| failed(it, report), |promise| red_promise(world, it, promise, path)),
        ),
        (WishedState::Stopped, _) => Some(say("stopping", format!("is stopping on {computer}"))),
        (_, ReportedState::Waiting) => Some(awaited(world, it, report, path)),
        (_, ReportedState::Started) => red.map(|promise| red_promise(world, it, promise, path)),
        _ => Some(red.map_or_else(
            || {
                let told = report.text.as_deref().map(first_line).map(str::to_owned);
                say("starting", told.unwrap_or_else(|| format!("is starting on {computer}")))
            },
            |promise| red_promise(world, it, promise, path),
        )),
    }
}

/// A promise may be red for what was requested and is not there: the hint says so.
fn red_promise(world: &World, it: &Instance, promise: &Promise, path: &[InstanceId]) -> Cause {
    let message = first_line(&promise.message);
    let sentence = format!("promise {} is red: {message}", promise.name);
    let hint = unready_child(world, it, path).map(|(child, cause)| {
        let hint = cause.hint.map_or_else(String::new, |hint| format!("; {hint}"));
        format!("it may be for `{}`, which it requested: {}{hint}", child.title, cause.sentence)
    });
    Cause { at: it.id, ..cause("promise-red", sentence, hint) }
}

/// The first of what an instance requested that is not ready, and why.
fn unready_child<'w>(
    world: &'w World,
    it: &Instance,
    path: &[InstanceId],
) -> Option<(&'w Instance, Cause)> {
    world.children(it.id).find_map(|child| Some((child, follow(world, child, path)?)))
}

fn failed(it: &Instance, report: &Report) -> Cause {
    let text = report.text.as_deref().map_or("its node gave no reason", first_line);
    let hint = report.text.as_deref().and_then(hint_in);
    Cause { at: it.id, ..cause("error", text.to_owned(), hint) }
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or("no message")
}

/// What its author can do, as the report of a faulty profile says in a line of its own.
fn hint_in(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("hint: ")).map(str::to_owned)
}

/// Its node says that it waits for what it requested: the first child with a cause tells more.
fn awaited(world: &World, it: &Instance, report: &Report, path: &[InstanceId]) -> Cause {
    if let Some((child, cause)) = unready_child(world, it, path) {
        let sentence = format!("waits for `{}`: {}", child.title, cause.sentence);
        return Cause { sentence, ..cause };
    }
    let text = report.text.as_deref().map_or("waits for another instance", first_line);
    Cause { at: it.id, ..cause("waits-for", text.to_owned(), None) }
}

/// It has a place, but its node has not said anything about the present wish.
fn unreported(world: &World, it: &Instance, place: &Place) -> Cause {
    let site = world.sites.get(&place.computer);
    let supply = site.and_then(|site| Some((site, site.supply(&it.release)?)));
    if let Some((site, supply)) = supply.filter(|(_, supply)| !supply.is_ready()) {
        return Cause { at: it.id, ..unready(site, supply) };
    }
    let computer = &place.computer;
    let sentence = format!("the node of {computer} has not begun with it yet");
    let awaits = Some(computer.clone());
    Cause { at: it.id, awaits, ..cause("node-not-started-yet", sentence, None) }
}

/// A shared instance is ready when its host is, and published for it.
fn served(world: &World, it: &Instance, host: &Instance, path: &[InstanceId]) -> Option<Cause> {
    if it.wished == WishedState::Stopped {
        return None;
    }
    if host.wished != WishedState::Started {
        let sentence = format!("its host `{}` is stopped", host.title);
        let hint = format!("start it: slapos service start {}", host.title);
        return Some(Cause { at: host.id, ..cause("host-stopped", sentence, Some(hint)) });
    }
    if let Some(cause) = follow(world, host, path) {
        let sentence = format!("its host `{}`: {}", host.title, cause.sentence);
        return Some(Cause { sentence, ..cause });
    }
    it.connection.is_empty().then(|| {
        let sentence = format!("its host `{}` has not published anything for it yet", host.title);
        Cause { at: it.id, ..cause("host-not-published", sentence, None) }
    })
}

fn unplaced(world: &World, it: &Instance) -> Cause {
    let cause = match (it.wished, it.shared) {
        (WishedState::Destroyed, _) => {
            cause("being-destroyed", "is being destroyed, after what it requested".into(), None)
        }
        (_, true) => unknown_computer(world, it).unwrap_or_else(|| no_host(world, it)),
        (_, false) => no_place(world, it),
    };
    Cause { at: it.id, ..cause }
}

/// Its placement names a computer that nobody knows.
fn unknown_computer(world: &World, it: &Instance) -> Option<Cause> {
    let refusal = world.site(it.placement.computer.as_ref()?).err()?;
    Some(cause("no-such-computer", refusal.to_string(), refusal.hint()))
}

/// Why no host was found: what could be one, then where, then what it is.
fn no_host(world: &World, it: &Instance) -> Cause {
    let (release, kind) = (&it.release, &it.software_type);
    let hosts = world.instances.hosts.of(&it.service()).filter_map(|host| world.instance(host.id));
    let titles: Vec<_> = hosts.map(|host| format!("`{}`", host.title)).take(3).collect();
    if titles.is_empty() {
        let sentence = format!("no running instance of `{release}`, type {kind}, can host it");
        let hint = format!("request one: slapos request TITLE {release} --type {kind}");
        return cause("no-host", sentence, Some(hint));
    }
    let sentence =
        format!("its placement allows none of its possible hosts: {}", titles.join(", "));
    cause("no-host", sentence, Some("ask for another host or computer".into()))
}

/// Why no place was found: release, then traits, then room, then allocation.
fn no_place(world: &World, it: &Instance) -> Cause {
    let (release, placement) = (&it.release, &it.placement);
    if world.policy.places == Places::Anywhere {
        let allowed: Vec<_> = world.sites().filter(|site| placement.allows(site)).collect();
        return match allowed.is_empty() {
            true => cause("no-such-computer", unmet(placement), None),
            false => no_room(world, &allowed, it),
        };
    }
    if let Some(cause) = unknown_computer(world, it) {
        return cause;
    }
    let wanted = |supply: &Supply| supply.wished == SupplyWish::Available;
    let here = |site: &Site| placement.computer.as_ref().is_none_or(|it| *it == site.computer.id);
    let supplies: Vec<_> =
        world.supplies_of(release).filter(|(site, supply)| here(site) && wanted(supply)).collect();
    let promising = supplies.iter().filter(|(_, supply)| supply.is_promising());
    let sites: Vec<_> = promising.map(|(site, _)| *site).collect();
    let allowed: Vec<_> = sites.iter().copied().filter(|site| placement.allows(site)).collect();
    if !allowed.is_empty() {
        return no_room(world, &allowed, it);
    }
    if !sites.is_empty() {
        let sentence = format!("{}, of those that have `{release}`", unmet(placement));
        let hint = "slapos computer info COMPUTER shows what a computer is".to_owned();
        return cause("no-such-computer", sentence, Some(hint));
    }
    if let Some((site, supply)) = supplies.first() {
        return unready(site, supply);
    }
    let (place, computer) = match &placement.computer {
        Some(computer) => (format!("on {computer}"), computer.to_string()),
        None => ("on any computer".to_owned(), "COMPUTER".to_owned()),
    };
    let sentence = format!("`{release}` is not available {place}");
    let hint = Some(format!("supply it: slapos supply {release} {computer}"));
    cause("no-release-anywhere", sentence, hint)
}

fn unmet(placement: &Placement) -> String {
    let asked = placement.to_dictionary();
    let asked: Vec<_> = asked.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("no computer fulfils {}", asked.join(" "))
}

fn no_room(world: &World, sites: &[&Site], it: &Instance) -> Cause {
    let (names, placement) = (names(sites), &it.placement);
    let open = |site: &&Site| site.computer.allocation == AllocationScope::Open;
    if !sites.iter().any(open) {
        let sentence = format!("{names} takes no new instances");
        let first = sites.first().map_or("COMPUTER", |site| site.computer.id.as_str());
        let hint = format!("open it: slapos computer open {first}");
        return cause("allocation-closed", sentence, Some(hint));
    }
    if !sites.iter().any(|site| site.takes_more()) {
        let sentence = format!("{names} holds as many instances as it may");
        let first = sites.first().map_or("COMPUTER", |site| site.computer.id.as_str());
        let hint = format!("give it more: slapos computer set {first} --capacity N");
        return cause("no-capacity", sentence, Some(hint));
    }
    let class = it.class();
    let free = |site: &&Site| world.is_offered(site, &class);
    if placement.unique_by_network && sites.iter().any(free) {
        let sentence = format!("the tree already lives in each network that has room ({names})");
        let hint = "name the networks of computers: slapos computer set COMPUTER network_guid=NET";
        return cause("no-free-network", sentence, Some(hint.into()));
    }
    let serves = |partition: &&crate::world::Partition| match &placement.capability {
        Some(capability) => partition.capabilities.contains(capability),
        None => partition.capabilities.is_empty(),
    };
    let partitions = sites.iter().flat_map(|site| site.partitions().map(|it| it.0));
    let count = partitions.filter(serves).count();
    let hint = Some("destroy an instance, or format more partitions".to_owned());
    let sentence = match (count, &placement.capability) {
        (0, Some(capability)) => format!("no partition on {names} has capability `{capability}`"),
        (0, None) => format!("{names} has no partition"),
        (1, _) => format!("no free partition: the only one is busy on {names}"),
        (count, _) => format!("no free partition: all {count} are busy on {names}"),
    };
    cause("no-free-partition", sentence, hint)
}

/// A release that is wished on a computer but not available there.
fn unready(site: &Site, supply: &Supply) -> Cause {
    let (release, computer) = (&supply.release, &site.computer.id);
    // Of a failure the first line says what; of what goes on the last one is the newest.
    let colon = |line: fn(&str) -> &str| {
        supply.text.as_deref().map(|text| format!(": {}", line(text))).unwrap_or_default()
    };
    match supply.state {
        SupplyState::Error => {
            let again = format!("once mended, try again: slapos supply {release} {computer}");
            let hint = match supply.text.as_deref().and_then(hint_in) {
                Some(hint) => format!("{hint}; {again}"),
                None => again,
            };
            let colon = colon(first_line);
            let sentence = format!("`{release}` could not be installed on {computer}{colon}");
            cause("release-failed", sentence, Some(hint))
        }
        SupplyState::Requested => {
            let sentence =
                format!("{computer} has yet to begin with the installation of `{release}`");
            Cause { awaits: Some(computer.clone()), ..cause("release-building", sentence, None) }
        }
        SupplyState::Building | SupplyState::Available | SupplyState::Destroyed => {
            let colon = colon(last_line);
            let done = supply.percent.map(|percent| format!(" ({percent}%)")).unwrap_or_default();
            let sentence = format!("`{release}` is being installed on {computer}{done}{colon}");
            Cause { awaits: Some(computer.clone()), ..cause("release-building", sentence, None) }
        }
    }
}

fn last_line(text: &str) -> &str {
    text.trim().lines().next_back().unwrap_or("no message")
}

/// At most three names, and how many more.
fn names(sites: &[&Site]) -> String {
    let shown: Vec<_> = sites.iter().take(3).map(|site| site.computer.id.as_str()).collect();
    match sites.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn cause(code: &'static str, sentence: String, hint: Option<String>) -> Cause {
    Cause { code, sentence, hint, at: InstanceId(0), awaits: None }
}

#[cfg(test)]
mod tests {
    use crate::{
        decide::{Request, Requester},
        names::{ReportedState, SupplyState, SupplyWish, WishedState},
        testing::*,
    };

    fn said(cloud: &Cloud, id: crate::names::InstanceId) -> String {
        cloud
            .why(id)
            .map_or_else(String::new, |cause| format!("{}: {}", cause.code, cause.sentence))
    }

    #[test]
    fn a_computer_that_nobody_knows_is_named_with_the_nearest() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/php", "COMP-1");
        let asked = wanted(Requester::Person(admin()), "app", "software/php");
        let placement = texts(&[("computer_guid", "COMP-7")]);
        for (name, shared) in [("app", false), ("tenant", true)] {
            let (title, placement) = (title(name), placement.clone());
            let asked = Request { title, placement, shared, ..asked.clone() };
            let it = cloud.request(asked).unwrap().unwrap();
            assert_eq!(said(&cloud, it), "no-such-computer: computer `COMP-7` is unknown");
            let hint = cloud.why(it).unwrap().hint;
            assert_eq!(hint.as_deref(), Some("did you mean `COMP-1`?"), "{name}");
        }
    }

    #[test]
    fn each_step_of_a_life_has_its_cause() {
        use ReportedState::{Error, Started, Starting, Stopped};
        let mut cloud = Cloud::default();
        let app = cloud.root("app", "software/php");
        let mut said_next = Vec::new();
        let mut say = |cloud: &Cloud| said_next.push(said(cloud, app));
        say(&cloud);
        cloud.format("COMP-1", 1);
        cloud.supply("software/php", "COMP-1", SupplyWish::Available).unwrap();
        say(&cloud);
        cloud.supply_is("software/php", "COMP-1", SupplyState::Building, "fetching\nunpacking");
        say(&cloud);
        cloud.supply_is(
            "software/php",
            "COMP-1",
            SupplyState::Error,
            "no space left\nhint: free some",
        );
        say(&cloud);
        cloud.install("software/php", "COMP-1");
        say(&cloud);
        cloud.report(app, Starting, |_| ());
        say(&cloud);
        cloud.report(app, Starting, |it| {
            it.promises = vec![promise("listens", false)];
        });
        say(&cloud);
        cloud.report(app, Error, |it| {
            it.text = Some("line 7: no such key\nmore".into());
        });
        say(&cloud);
        cloud.report(app, Started, |_| ());
        say(&cloud);
        cloud.wish(app, WishedState::Stopped).unwrap();
        say(&cloud);
        cloud.report(app, Starting, |_| ());
        say(&cloud);
        cloud.report(app, Stopped, |_| ());
        say(&cloud);
        cloud.wish(app, WishedState::Destroyed).unwrap();
        say(&cloud);
        assert_eq!(
            said_next,
            [
                "no-release-anywhere: `software/php` is not available on any computer",
                "release-building: COMP-1 has yet to begin with the installation of `software/php`",
                "release-building: `software/php` is being installed on COMP-1: unpacking",
                "release-failed: `software/php` could not be installed on COMP-1: no space left",
                "node-not-started-yet: the node of COMP-1 has not begun with it yet",
                "starting: is starting on COMP-1",
                "promise-red: promise listens is red: connection refused",
                "error: line 7: no such key",
                "",
                "node-not-started-yet: the node of COMP-1 has not begun with it yet",
                "stopping: is stopping on COMP-1",
                "",
                "being-destroyed: is being destroyed on COMP-1",
            ]
        );
    }

    #[test]
    fn who_waits_for_a_child_says_what_the_child_waits_for() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/php", "COMP-1");
        let app = cloud.root("app", "software/php");
        cloud.report(app, ReportedState::Waiting, |it| {
            it.text = Some("waits for `db`".into());
        });
        assert_eq!(said(&cloud, app), "waits-for: waits for `db`");
        cloud.child(app, "db", "software/php");
        let table = [
            "no-free-partition: waits for `db`: no free partition: the only one is busy on COMP-1",
            "node-not-started-yet: waits for `db`: the node of COMP-1 has not begun with it yet",
        ];
        assert_eq!(said(&cloud, app), table[0]);
        cloud.format("COMP-1", 2);
        assert_eq!(said(&cloud, app), table[1]);
        cloud.report(app, ReportedState::Started, |it| it.promises = vec![promise("page", false)]);
        let cause = cloud.why(app).unwrap();
        assert_eq!(cause.code, "promise-red");
        assert_eq!(
            cause.hint.as_deref(),
            Some(
                "it may be for `db`, which it requested: the node of COMP-1 has not begun with it yet"
            )
        );
    }

    #[test]
    fn what_a_faulty_profile_advises_is_the_hint() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.supply("software/php", "COMP-1", SupplyWish::Available).unwrap();
        let app = cloud.root("app", "software/php");
        let fault =
            "/x/software.cfg:3:1: no such part [missing-section]\n 3 | a\nhint: did you mean `b`?";
        cloud.supply_is("software/php", "COMP-1", SupplyState::Error, fault);
        let cause = cloud.why(app).unwrap();
        assert!(cause.sentence.ends_with("/x/software.cfg:3:1: no such part [missing-section]"));
        assert!(cause.hint.unwrap().starts_with("did you mean `b`?; once mended"));
        assert_eq!(crate::explain::state_word(&cloud.world, cloud.it(app)), "error");
        cloud.install("software/php", "COMP-1");
        cloud.report(app, ReportedState::Error, |it| it.text = Some(fault.into()));
        assert_eq!(cloud.why(app).unwrap().hint.as_deref(), Some("did you mean `b`?"));
    }

    #[test]
    fn a_node_that_has_to_act_and_is_silent_is_named() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/php", "COMP-1");
        let app = cloud.root("app", "software/php");
        let silence = std::time::Duration::from_secs(200);
        let cause = cloud.why(app).unwrap().with_silence(silence);
        assert_eq!(cause.code, "node-silent");
        assert!(cause.sentence.ends_with("; COMP-1 has not been heard of for 3 min"));
        cloud.report(app, ReportedState::Error, |_| ());
        assert_eq!(cloud.why(app).unwrap().with_silence(silence).code, "error");
    }

    #[test]
    fn a_hint_says_how_to_go_on() {
        let mut cloud = Cloud::default();
        let app = cloud.root("app", "software/php");
        let hint = cloud.why(app).unwrap().hint.unwrap();
        assert_eq!(hint, "supply it: slapos supply software/php COMPUTER");
    }
}
